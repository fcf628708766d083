"""A portrait that can be animated: the cropped picture, its layers and face landmarks, and the folder that holds them.

An avatar package is a folder complete in itself:

* `avatar.json`: schema version, name, picture size, hash of the source picture, name and hash of each file;
* `source.png`: the square crop around the head, 8-bit RGB;
* `matte.png`: how much of each pixel is person, 8-bit grey, 255 for all;
* `background.png`: what is behind the person, 8-bit RGB;
* `landmarks.npy`: (478, 3) float32, pixels of `source.png`, whole numbers at pixel centres; z in the same scale,
  negative towards the camera.

Whoever loads it needs neither face detector nor segmentation. Landmarks are handed in as arrays and the segmentation
as a function, so that this module depends on neither.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import CHIN, FACE_OVAL, FACE_SIZE_POINTS, FOREHEAD, NUM_LANDMARKS
from src.files import replacing_folder, write_json
from src.render.matting import filled_background, finds_the_face, matte_from_landmarks, refined_matte

logger = logging.getLogger(__name__)

SCHEMA = "audio2motion/avatar"
SCHEMA_VERSION = 2
DESCRIPTION, PICTURE, LANDMARKS = "avatar.json", "source.png", "landmarks.npy"
MATTE, BACKGROUND = "matte.png", "background.png"
FILES = {"picture": PICTURE, "matte": MATTE, "background": BACKGROUND, "landmarks": LANDMARKS}

CROP_SIDE = 2.25
"""Side of the crop over the height of the face: leaves room for hair, neck and some shoulder."""
TIGHTEST_SIDE = 1.4
"""The same where the photo ends earlier. Below, the border is continued by reflection."""
MINIMUM_FACE_PX = 24.0
"""Smallest usable face size in the source picture. Below, the eyes are a handful of pixels and nothing can be
animated but noise."""
BYSTANDER = 0.4
"""A face smaller than this times the largest one is somebody in the background."""
MAXIMUM_TURN = 0.55
"""Largest offset of the nose line from the middle of the eyes, over face size: about 35 degrees of yaw."""


@dataclass(frozen=True, eq=False)
class Avatar:
    """A head-and-shoulders picture with the landmarks of its one face.

    Attributes:
        name: what the avatar is called, for people.
        image: (H, W, 3) uint8 RGB, square with an even side.
        landmarks: (478, 3) float32 FaceMesh points in pixels of `image`; z negative towards the camera.
        matte: (H, W) uint8, 255 for the person.
        background: (H, W, 3) uint8 RGB, the wall with the person filled in.
        crop: left, top and side of the square of the source picture, in its pixels; it may leave the picture.
        source_sha256: hash of the pixels of the picture that the crop was taken from.

    Raises:
        RenderError: shapes or values break the description above.
    """

    name: str
    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    matte: NDArray[np.uint8]
    background: NDArray[np.uint8]
    crop: tuple[int, int, int]
    source_sha256: str

    def __post_init__(self) -> None:
        side = self.image.shape[0]
        if self.image.shape != (side, side, 3) or self.image.dtype != np.uint8 or side % 2:
            raise RenderError(
                f"avatar {self.name}: picture of shape {self.image.shape} and type {self.image.dtype}, expected "
                "(H, H, 3) uint8 RGB with an even H. Make the avatar again with `python -m scripts.make_avatar`."
            )
        for layer, values, shape in (
            ("matte", self.matte, (side, side)),
            ("background", self.background, (side, side, 3)),
        ):
            if values.shape != shape or values.dtype != np.uint8:
                raise RenderError(
                    f"avatar {self.name}: {layer} of shape {values.shape} and type {values.dtype}, expected {shape} "
                    "uint8. Make the avatar again with `python -m scripts.make_avatar`."
                )
        if self.landmarks.shape != (NUM_LANDMARKS, 3) or not np.isfinite(self.landmarks).all():
            raise RenderError(
                f"avatar {self.name}: landmarks of shape {self.landmarks.shape}, expected finite ({NUM_LANDMARKS}, 3). "
                "Make the avatar again with `python -m scripts.make_avatar`."
            )

    @property
    def size(self) -> int:
        """Pixels of each side of the picture."""
        return self.image.shape[0]

    @property
    def face_size(self) -> float:
        """3-D distance of the outer eye corners in pixels: the unit of the mouth channels."""
        return face_size(self.landmarks)

    def save(self, folder: Path | str) -> None:
        """Write the package, atomically. An older package of this name is replaced.

        Raises:
            RenderError: the folder exists and is something else than an avatar package.
        """
        folder = Path(folder)
        check_replaceable(folder)
        with replacing_folder(folder) as unfinished:
            layers = {PICTURE: self.image[..., ::-1], MATTE: self.matte, BACKGROUND: self.background[..., ::-1]}
            for file, pixels in layers.items():
                if not cv2.imwrite(str(unfinished / file), pixels):
                    raise RenderError(f"{folder}: {file} can't be written. Check free space and permissions.")
            np.save(unfinished / LANDMARKS, self.landmarks.astype(np.float32))
            content = {
                "schema": SCHEMA,
                "schema_version": SCHEMA_VERSION,
                "name": self.name,
                "size": self.size,
                "source_sha256": self.source_sha256,
                "crop": list(self.crop),
                **FILES,
                "sha256": {file: _sha256(unfinished / file) for file in FILES.values()},
            }
            write_json(unfinished / DESCRIPTION, content)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a package that `save` wrote and check it against its own hashes.

        Raises:
            RenderError: no package there, another schema, or a file that is missing or was changed.
        """
        folder = Path(folder)
        content = _read_description(folder)
        for file, expected in content["sha256"].items():
            if not (folder / file).is_file():
                raise RenderError(f"{folder}: the avatar package lacks {file}. {_AGAIN}")
            if _sha256(folder / file) != expected:
                raise RenderError(
                    f"{folder}: {file} is not the file that the package was made with (its SHA-256 differs from "
                    f"{DESCRIPTION}). {_AGAIN}"
                )
        image, background = (
            np.ascontiguousarray(_read_picture(folder / content[layer], cv2.IMREAD_COLOR)[..., ::-1])
            for layer in ("picture", "background")
        )
        matte = _read_picture(folder / content["matte"], cv2.IMREAD_GRAYSCALE)
        landmarks = _read_landmarks(folder / content["landmarks"])
        crop = _crop_of(folder, content["crop"])
        return cls(content["name"], image, landmarks, matte, background, crop, content["source_sha256"])


def create_avatar(
    image: NDArray[np.uint8],
    faces: Sequence[NDArray[np.float32]],
    segment: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    size: int,
    name: str,
    minimum_face_px: float = MINIMUM_FACE_PX,
) -> Avatar:
    """Crop a picture around its one face.

    The crop is a square around the head. It is moved and shrunk to stay inside the picture; what is still
    missing is filled by reflection.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: one (478, 3) array of FaceMesh landmarks in pixels of `image` per detected face; a pixel's upper
            left corner has whole coordinates. Faces much smaller than the largest are passed over.
        segment: gives the coarse matte (H, W) uint8 of the cropped picture, 255 for the person; `person_matte` of
            `src/data`. It is called with the crop because networks see few pixels: a head in a large photo has none.
        size: side of the avatar's picture in pixels, even.
        name: what the avatar is called.
        minimum_face_px: smallest accepted distance of the outer eye corners in the picture.

    Raises:
        RenderError: no face, several faces, a face that is too small, cut off or turned away.
    """
    largest = max((face_size(face) for face in faces), default=0.0)
    faces = [face for face in faces if face_size(face) >= BYSTANDER * largest]
    if len(faces) != 1:
        raise RenderError(
            f"{name}: no face was found in the picture. Use a photo with one face seen from the front, in good light."
            if not faces
            else f"{name}: {len(faces)} faces were found in the picture, expected one. Crop the photo to one person."
        )
    landmarks = np.asarray(faces[0], np.float64)
    _check_face(landmarks, image.shape, name, minimum_face_px)
    left, top, side = _crop_box(landmarks, image.shape)
    crop = _cut(image, left, top, side)
    scale = size / side
    # Area averaging when it gets smaller, Lanczos when it gets larger: neither aliases nor softens.
    resized = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4)
    # Detectors give whole coordinates to the corner of a pixel, the renderer to its centre.
    moved = (landmarks - (left, top, 0.0)) * scale - (0.5, 0.5, 0.0)
    source = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
    portrait, points = resized.astype(np.uint8), moved.astype(np.float32)
    matte = refined_matte(portrait, segment(portrait))
    if not finds_the_face(matte, points):
        logger.warning(
            "%s: the segmentation did not find the person. A rough head and shoulders take its place and may drag some "
            "background along; a photo before a plain background does better.",
            name,
        )
        matte = matte_from_landmarks(points, (size, size))
    return Avatar(name, portrait, points, matte, filled_background(portrait, matte), (left, top, side), source)


def check_replaceable(folder: Path) -> None:
    """Refuse to replace a folder that holds anything else than an avatar package.

    Raises:
        RenderError: the folder has other content, or a file has its name.
    """
    if folder.exists() and not folder.is_dir():
        raise RenderError(f"{folder}: a file has the name of the avatar folder. Choose another `out`.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / DESCRIPTION).is_file():
        raise RenderError(f"{folder}: the folder holds something else than an avatar. Choose another `out`.")


def face_size(landmarks: NDArray[np.floating]) -> float:
    """3-D distance of the outer eye corners of (478, 3) landmarks, in their unit."""
    first, second = FACE_SIZE_POINTS
    return float(np.linalg.norm(landmarks[first] - landmarks[second]))


_AGAIN = "Make it with `python -m scripts.make_avatar image=<photo> out=<folder>`."


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    if not path.is_file():
        raise RenderError(f"{folder}: no avatar package ({DESCRIPTION} is missing). Check the path. {_AGAIN}")
    try:
        content = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RenderError(f"{path}: not readable JSON ({error}). {_AGAIN}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise RenderError(f"{path}: not the description of an avatar package. {_AGAIN}")
    if content.get("schema_version") == 1:
        raise RenderError(
            f"{path}: package schema 1, made before avatars had a matte and a background; this program reads "
            f"{SCHEMA_VERSION}. {_AGAIN}"
        )
    if content.get("schema_version") != SCHEMA_VERSION:
        raise RenderError(
            f"{path}: package schema {content.get('schema_version')}, this program reads {SCHEMA_VERSION}. {_AGAIN}"
        )
    missing = {"name", "sha256", "source_sha256", "crop", *FILES} - content.keys()
    texts = {content.get(key) for key in FILES if isinstance(content.get(key), str)}
    if (
        missing
        or not isinstance(content["sha256"], dict)
        or len(texts) < len(FILES)
        or texts - content["sha256"].keys()
    ):
        raise RenderError(
            f"{path}: incomplete description (missing: {', '.join(sorted(missing)) or 'hashes'}). {_AGAIN}"
        )
    # Names, not paths: a package can't point outside itself.
    if any(Path(file).name != file for file in content["sha256"]):
        raise RenderError(f"{path}: file names must not contain folders. {_AGAIN}")
    return content


def _read_picture(path: Path, kind: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), kind)
    if picture is None:
        raise RenderError(f"{path.parent}: {path.name} is not a readable picture. {_AGAIN}")
    return np.asarray(picture, np.uint8)


def _read_landmarks(path: Path) -> NDArray[np.float32]:
    try:
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise RenderError(f"{path.parent}: {path.name} is not a readable array ({error}). {_AGAIN}") from error


def _crop_of(folder: Path, crop: object) -> tuple[int, int, int]:
    if not isinstance(crop, list) or len(crop) != 3 or any(type(number) is not int for number in crop) or crop[2] <= 0:
        raise RenderError(f"{folder}: crop {crop!r}, expected whole left, top and side above 0. {_AGAIN}")
    return crop[0], crop[1], crop[2]


def _check_face(landmarks: NDArray[np.float64], shape: tuple[int, ...], name: str, minimum_face_px: float) -> None:
    size = face_size(landmarks)
    if size < minimum_face_px:
        raise RenderError(
            f"{name}: the face is too small, {size:.0f} pixels between the outer eye corners, at least "
            f"{minimum_face_px:.0f} are needed. Use a larger photo or one taken closer."
        )
    height, width = shape[:2]
    oval = landmarks[list(FACE_OVAL), :2]
    overhang = max(-oval.min(), *(oval.max(axis=0) - (width - 1, height - 1)))
    if overhang > 0.15 * size:
        raise RenderError(
            f"{name}: the face is cut off by the border of the picture (by {overhang:.0f} pixels). Use a photo that "
            "shows the whole face."
        )
    eyes = landmarks[list(FACE_SIZE_POINTS)]
    turn = abs(eyes[1, 2] - eyes[0, 2]) / size
    if turn > MAXIMUM_TURN:
        raise RenderError(
            f"{name}: the face is turned {np.degrees(np.arcsin(min(turn, 1.0))):.0f} degrees away from the camera, at "
            f"most {np.degrees(np.arcsin(MAXIMUM_TURN)):.0f} can be animated. Use a photo taken from the front."
        )


def _crop_box(landmarks: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Left, top and side in whole pixels of a square around the head, inside the picture where possible."""
    height, width = shape[:2]
    oval = landmarks[list(FACE_OVAL), :2]
    tall = float(np.linalg.norm(landmarks[CHIN, :2] - landmarks[FOREHEAD, :2]))
    tall = max(tall, 1.1 * float(np.ptp(oval[:, 0])))
    middle = (oval.min(axis=0) + oval.max(axis=0)) / 2
    # A face that fills its photo is better cropped tightly than continued by reflection.
    side = round(np.clip(min(height, width), TIGHTEST_SIDE * tall, CROP_SIDE * tall))
    left, top = (round(float(centre) - side / 2) for centre in middle)
    if side <= width:
        left = int(np.clip(left, 0, width - side))
    if side <= height:
        top = int(np.clip(top, 0, height - side))
    return left, top, side


def _cut(image: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """(side, side, 3) pixels of the picture, reflected where the square leaves it."""
    height, width = image.shape[:2]
    rows = _reflected(np.arange(top, top + side), height)
    columns = _reflected(np.arange(left, left + side), width)
    return np.ascontiguousarray(image[rows[:, None], columns[None, :]])


def _reflected(index: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    period = max(2 * length - 2, 1)
    folded = np.abs(index) % period
    return np.minimum(folded, period - folded)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
