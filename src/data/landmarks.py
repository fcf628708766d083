"""Face landmarks of pictures: MediaPipe behind small classes, one for videos and one for photos.

Only this module and its sibling `person_matte` import MediaPipe, and only when a model is started: rendering and live
use run on machines without it. The model lies inside MediaPipe's wheel, so nothing is downloaded. The same
pictures in the same order give the same landmarks, bit for bit.
"""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.errors import DataError
from src.face import NUM_LANDMARKS

_BLANK = np.zeros((64, 64, 3), np.uint8)


class ClosedAtExit(ABC):
    """A context manager that closes itself when its block ends."""

    @abstractmethod
    def close(self) -> None:
        """Free what is held; the object is of no further use."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FaceLandmarker(ClosedAtExit):
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
        self._has_found = False
        with native_silence():
            self._mesh = _face_mesh(max_faces, static)
            self._mesh.process(_BLANK)  # its threads have all started, and logged, when this returns

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
        with nullcontext() if self._has_found else native_silence():
            faces = self._mesh.process(np.ascontiguousarray(image)).multi_face_landmarks or []
        self._has_found |= bool(faces)
        height, width = image.shape[:2]
        # MediaPipe gives z in units of the picture's width.
        scale = np.array([width, height, width], np.float32)
        return [_points(face) * scale for face in faces]

    def restart(self) -> None:
        """Forget the faces that are being followed."""
        # A picture without a face ends the following; MediaPipe's own reset starts its graph anew, which
        # takes longer and logs again.
        if self._mesh.process(_BLANK).multi_face_landmarks:
            with native_silence():
                self._mesh.reset()
                self._mesh.process(_BLANK)

    def close(self) -> None:
        """Free MediaPipe's resources; the landmarker is of no further use."""
        self._mesh.close()


class FaceFinder(ClosedAtExit):
    """Finds every face of a photo, also small ones and several.

    FaceMesh's own detector looks at the whole picture in 128 pixels, so it misses a face that fills less
    than a fifth of it. Here the full-range detector looks at the picture and at overlapping parts of it,
    and FaceMesh at an enlarged crop of each face that was found.

    Raises:
        DataError: MediaPipe is not installed or does not start here.
    """

    SMALLEST_TILE_PX = 256
    LARGEST_OVERLAP = 0.3
    """Two finds whose boxes share more than this of their union are one face."""
    CROP = 2.0
    """Side of the crop that FaceMesh gets, over the side of the face's box."""

    def __init__(self) -> None:
        with native_silence():
            self._detection = _face_detection()
        self._landmarker = FaceLandmarker(max_faces=1, static=True)

    def find(self, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """(478, 3) landmarks of every face, as `FaceLandmarker.detect` gives them, the largest first.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        faces = []
        for x, y, width, height in self._boxes(image):
            half = self.CROP * max(width, height) / 2
            left, top = (max(0, round(center - half)) for center in (x + width / 2, y + height / 2))
            crop = image[top : round(y + height / 2 + half), left : round(x + width / 2 + half)]
            faces += [face + np.array([left, top, 0], np.float32) for face in self._landmarker.detect(crop)]
        return faces

    def close(self) -> None:
        """Free MediaPipe's resources; the finder is of no further use."""
        self._detection.close()
        self._landmarker.close()

    def _boxes(self, image: NDArray[np.uint8]) -> list[tuple[float, float, float, float]]:
        """x, y, width, height in pixels of each face, the largest first."""
        found = []
        for left, top, side in _tiles(image.shape[1], image.shape[0], self.SMALLEST_TILE_PX):
            tile = np.ascontiguousarray(image[top : top + side, left : left + side])
            with native_silence():
                detections = self._detection.process(tile).detections or []
            for detection in detections:
                box = detection.location_data.relative_bounding_box
                height, width = tile.shape[:2]
                found.append((left + box.xmin * width, top + box.ymin * height, box.width * width, box.height * height))
        kept: list[tuple[float, float, float, float]] = []
        for candidate in sorted(found, key=lambda box: -box[2] * box[3]):
            if all(_overlap(candidate, other) <= self.LARGEST_OVERLAP for other in kept):
                kept.append(candidate)
        return kept


def _tiles(width: int, height: int, smallest: int) -> Iterator[tuple[int, int, int]]:
    """left, top, side of the whole picture, then of squares that overlap by half, ever smaller by half."""
    side = max(width, height)
    yield 0, 0, side
    side = min(width, height)
    while side >= 2 * smallest:
        side //= 2
        for top in range(0, height - side // 2, side // 2):
            for left in range(0, width - side // 2, side // 2):
                yield left, top, side


def _overlap(first: tuple[float, float, float, float], second: tuple[float, float, float, float]) -> float:
    """Share of their union that two boxes have in common; a box inside another counts as the same."""
    across = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    down = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    smaller = min(first[2] * first[3], second[2] * second[3])
    return 1.0 if shared > 0.7 * smaller else shared / (first[2] * first[3] + second[2] * second[3] - shared)


def _points(face: Any) -> NDArray[np.float32]:
    """(478, 3) numbers of MediaPipe's landmark list.

    Read from its serialised form, ten times as fast as point by point: each point is a tag, its size, and three
    floats with a tag each. What looks otherwise is read point by point.
    """
    points = np.frombuffer(face.SerializeToString(), np.uint8)
    if len(points) == NUM_LANDMARKS * _POINT.itemsize:
        table = points.view(_POINT)
        if all((table[name] == tag).all() for name, tag in _TAGS.items()):
            return np.stack([table["x"], table["y"], table["z"]], axis=1).astype(np.float32)
    return np.array([(point.x, point.y, point.z) for point in face.landmark], np.float32).reshape(NUM_LANDMARKS, 3)


# Protocol buffers: field 1 of the list, of 15 bytes; fields 1 to 3 of a point, 32-bit each.
_TAGS = {"tag": 0x0A, "size": 15, "tag_x": 0x0D, "tag_y": 0x15, "tag_z": 0x1D}
_POINT = np.dtype(
    [("tag", "u1"), ("size", "u1"), ("tag_x", "u1"), ("x", "<f4"), ("tag_y", "u1"), ("y", "<f4"), ("tag_z", "u1"),
     ("z", "<f4")]
)  # fmt: skip


@contextmanager
def native_silence() -> Iterator[None]:
    """Drop what C++ code writes to stderr.

    MediaPipe logs a dozen lines about delegates and feedback tensors at its start and at its first
    face, and heeds no setting; its errors come as exceptions.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _face_mesh(max_faces: int, static: bool) -> Any:
    with mediapipe_starting():
        from mediapipe.python.solutions.face_mesh import FaceMesh

        return FaceMesh(static_image_mode=static, max_num_faces=max_faces, refine_landmarks=True)


def _face_detection() -> Any:
    with mediapipe_starting():
        from mediapipe.python.solutions.face_detection import FaceDetection

        return FaceDetection(model_selection=1, min_detection_confidence=0.5)  # 1: the full-range model


@contextmanager
def mediapipe_starting() -> Iterator[None]:
    """Say in words why MediaPipe does not start."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise DataError(
            f"faces and people are found by MediaPipe, and {error.name} is not installed. "
            "Install it with `pip install mediapipe` (0.10.9 to 0.10.21), or run `make .venv`."
        ) from error
    except (ImportError, AttributeError, TypeError) as error:
        # What a protobuf of another major version or a MediaPipe without the classic solutions looks like.
        raise DataError(
            f"MediaPipe is installed but does not start ({type(error).__name__}: {error}). It needs protobuf 4 and a "
            "version with `solutions` (0.10.9 to 0.10.21): run `make .venv`, or "
            "`pip install 'mediapipe==0.10.21' 'protobuf<5'`."
        ) from error
