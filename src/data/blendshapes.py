"""The 52 blendshape scores of a face, from landmarks alone.

MediaPipe's `face_landmarker.task` is a zip file: two networks that find landmarks in pictures, and one that
turns landmarks into blendshapes. Only the last is run here, on the landmarks that labels are measured on
anyway. That costs 0.3 ms per frame instead of 7 ms for all three, needs no picture, and delays nothing,
where MediaPipe's own way for videos smooths landmarks backwards in time.

Given the same landmarks, scores equal MediaPipe's to 1e-5. FaceMesh's landmarks differ a little from those of
the task file, and so do scores: by 0.03 on average; what the jaw does they follow better.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.data.landmarks import native_silence
from src.errors import DataError
from src.face import NUM_LANDMARKS
from src.files import sha256_of
from src.motion import BLENDSHAPES

MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""Of `face_landmarker.task`, float16, version 1: the only one whose networks are known to fit this code."""

_NETWORK = "face_blendshapes.tflite"

# The points that the network reads, as MediaPipe's face_blendshapes_graph.cc (Apache-2.0) lists them.
_POINTS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249,
    251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314,
    317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382,
    384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473,
    474, 475, 476, 477,
)  # fmt: skip


class FaceBlendshapes:
    """Scores blendshapes. The same landmarks give the same scores; nothing is kept between calls.

    Args:
        model: path of `face_landmarker.task`.

    Raises:
        DataError: the file is missing or another one, or the interpreter of its networks is not installed.
    """

    def __init__(self, *, model: str | Path) -> None:
        path = Path(model)
        check_model(path)
        with zipfile.ZipFile(path) as task, native_silence():
            self._network = _interpreter()(model_content=task.read(_NETWORK), num_threads=1)
            self._network.allocate_tensors()
        self._input: int = self._network.get_input_details()[0]["index"]
        self._output: int = self._network.get_output_details()[0]["index"]

    def score(self, landmarks: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Scores of every frame.

        Args:
            landmarks: (T, 478, 3) in pixels; their place and size do not matter, z is not read.
            present: (T,) which frames to score.

        Returns:
            (T, 52) in the order of `src.motion.BLENDSHAPES`, 0 .. 1; 0 where not present.

        Raises:
            DataError: shapes disagree.
        """
        if landmarks.shape != (len(present), NUM_LANDMARKS, 3):
            raise DataError(
                f"landmarks have shape {landmarks.shape}, expected ({len(present)}, {NUM_LANDMARKS}, 3): one row per "
                "mark in `present`. Pass the arrays that the tracker gave."
            )
        scores = np.zeros((len(present), len(BLENDSHAPES)), np.float32)
        points = np.ascontiguousarray(landmarks[:, _POINTS, :2], np.float32)
        for frame in np.flatnonzero(present):
            self._network.set_tensor(self._input, points[None, frame])
            self._network.invoke()
            scores[frame] = self._network.get_tensor(self._output)
        return scores


def check_model(path: Path) -> None:
    """Check that a file is the known `face_landmarker.task`.

    Raises:
        DataError: it is missing or another one.
    """
    if not path.is_file():
        raise DataError(
            f"{path}: no such model file. Fetch it with `python -m scripts.download_models out=models`, or set "
            "`models.face_landmarker=null` to go without blendshapes."
        )
    found = sha256_of(path)
    if found != MODEL_SHA256:
        raise DataError(
            f"{path}: SHA-256 {found} is not that of the face landmarker this program knows ({MODEL_SHA256}). "
            "Fetch it again with `python -m scripts.download_models out=models`."
        )


def _interpreter() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise DataError(
            f"blendshapes need the LiteRT interpreter, which does not start ({error}). Install it with "
            "`pip install ai-edge-litert`, or set `models.face_landmarker=null` to go without blendshapes."
        ) from error
    return Interpreter
