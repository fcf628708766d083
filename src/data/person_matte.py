"""Where the person is in a photo: MediaPipe's selfie segmentation, as a soft mask.

The model lies inside MediaPipe's wheel. It looks at 256 x 256 pixels, so its border is a few pixels of the photo
wide and passes through hair; `src/render/matting.py` refines it.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from src.data.landmarks import mediapipe_starting, native_silence
from src.errors import DataError

MODEL_SIDE = 256
"""Side of what the network sees. Larger pictures are averaged down before, or its own sampling would alias."""


def person_matte(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How much of each pixel is person.

    Args:
        image: (H, W, 3) RGB, best about square with head and shoulders.

    Returns:
        (H, W): 255 for the person, 0 for what is behind. All 0 where the model sees nobody.

    Raises:
        DataError: `image` has another shape or type, or MediaPipe does not start here.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f"image has shape {image.shape} and type {image.dtype}, expected (H, W, 3) uint8 RGB.")
    height, width = image.shape[:2]
    shrink = max(min(height, width) / (2 * MODEL_SIDE), 1.0)
    seen = cv2.resize(image, (round(width / shrink), round(height / shrink)), interpolation=cv2.INTER_AREA)
    with native_silence(), _segmentation() as segmentation:
        mask = segmentation.process(np.ascontiguousarray(seen)).segmentation_mask
    whole = cv2.resize(np.asarray(mask, np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.round(255 * np.clip(whole, 0.0, 1.0)).astype(np.uint8)


def _segmentation() -> Any:
    with mediapipe_starting():
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

        return SelfieSegmentation(model_selection=0)  # 0: the general model, 256 x 256; 1 is 256 x 144 for video calls
