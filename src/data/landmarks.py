"""Face landmarks of pictures: MediaPipe FaceMesh behind one small class.

Only this module imports MediaPipe, and only when a landmarker is made: rendering and live use run on
machines without it. The model lies inside MediaPipe's wheel, so nothing is downloaded. The same
pictures in the same order give the same landmarks, bit for bit.
"""

import os
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.errors import DataError
from src.face import NUM_LANDMARKS


class FaceLandmarker:
    """Finds faces and their 478 landmarks (irises included), see `src/face.py` for which is which.

    Attributes:
        max_faces: at most this many faces per picture are given.
        static: True treats every picture on its own. False follows faces from picture to picture,
            which is faster and steadier; call `restart` between videos.

    Raises:
        DataError: MediaPipe is not installed or does not start here.
    """

    def __init__(self, *, max_faces: int, static: bool) -> None:
        if max_faces < 1:
            raise DataError(f"max_faces is {max_faces}, expected 1 or more. Correct the configuration.")
        self.max_faces = max_faces
        self.static = static
        self._mesh = _face_mesh(max_faces, static)

    def detect(self, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Landmarks of every face found.

        Args:
            image: (H, W, 3) RGB.

        Returns:
            One (478, 3) array per face, the best first: x to the right and y down in pixels of
            `image` (a pixel's upper left corner has whole coordinates), z in the same unit, smaller
            towards the camera. Empty when there is no face.

        Raises:
            DataError: `image` has another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise DataError(f"image has shape {image.shape} and type {image.dtype}, expected (H, W, 3) uint8 RGB.")
        faces = self._mesh.process(np.ascontiguousarray(image)).multi_face_landmarks or []
        height, width = image.shape[:2]
        # MediaPipe gives z in units of the picture's width.
        scale = np.array([width, height, width], np.float32)
        return [
            np.array([(point.x, point.y, point.z) for point in face.landmark], np.float32).reshape(NUM_LANDMARKS, 3)
            * scale
            for face in faces
        ]

    def restart(self) -> None:
        """Forget the faces that are being followed."""
        self._mesh.reset()

    def close(self) -> None:
        """Free MediaPipe's resources; the landmarker is of no further use."""
        self._mesh.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _face_mesh(max_faces: int, static: bool) -> Any:
    # Its C++ side logs a dozen lines about delegates at every start, below the level of an error.
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        from mediapipe.python.solutions.face_mesh import FaceMesh

        return FaceMesh(static_image_mode=static, max_num_faces=max_faces, refine_landmarks=True)
    except ModuleNotFoundError as error:
        raise DataError(
            f"face landmarks need MediaPipe, and {error.name} is not installed. "
            "Install it with `pip install mediapipe` (0.10.9 to 0.10.21), or run `make .venv`."
        ) from error
    except (ImportError, AttributeError, TypeError) as error:
        # What a protobuf of another major version or a MediaPipe without the classic solutions looks like.
        raise DataError(
            f"MediaPipe is installed but does not start ({type(error).__name__}: {error}). It needs protobuf 4 and a "
            "version with `solutions` (0.10.9 to 0.10.21): run `make .venv`, or "
            "`pip install 'mediapipe==0.10.21' 'protobuf<5'`."
        ) from error
