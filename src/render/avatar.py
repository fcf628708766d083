"""A portrait that can be animated: the cropped picture, its layers and face landmarks, and the package that holds them.

An avatar package is complete in itself, a folder or one `.avatar` file:

* `avatar.json`: name, picture size, hash of the source picture and of each file, and what people decided: consent,
  creator, language and more; `src/render/avatar_schema.py` lists all;
* `source.png`: the square crop around the head, 8-bit RGB;
* `matte.png`: how much of each pixel is person, 8-bit grey, 255 for all;
* `background.png`: what is behind the person, 8-bit RGB;
* `landmarks.npy`: (478, 3) float32, pixels of `source.png`, whole numbers at pixel centres; z in the same scale,
  negative towards the camera;
* `signature.json`, if somebody signed it: see `src/render/avatar_signature.py`.

Whoever loads it needs neither face detector nor segmentation. Landmarks are handed in as arrays and the segmentation
as a function, so that this module depends on neither.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import NUM_LANDMARKS
from src.files import replacing_folder
from src.render.avatar_archive import read_archive
from src.render.avatar_files import as_npy, as_png, from_npy, from_png, read_folder
from src.render.avatar_schema import (
    AGAIN,
    BACKGROUND,
    DESCRIPTION,
    FILES,
    LANDMARKS,
    MATTE,
    MAXIMUM_SIZE,
    PICTURE,
    SCHEMA,
    SCHEMA_VERSION,
    Details,
    check_consent,
    read_description,
)
from src.render.avatar_signature import check_signature
from src.render.cropping import MINIMUM_FACE_PX, crop_box, cut, face_size, the_one_face
from src.render.face_shape import check_shape
from src.render.matting import filled_background, finds_the_face, matte_from_landmarks, refined_matte

logger = logging.getLogger(__name__)


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
        details: what people decided about it.

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
    details: Details = field(default_factory=Details)

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
            RenderError: the folder exists and is something else than an avatar package, or a value is none that a
                package can hold.
        """
        write_folder(self.files(), Path(folder))

    def files(self) -> dict[str, bytes]:
        """The content of each file of the package.

        Raises:
            RenderError: a value is none that a package can hold.
        """
        files = {
            PICTURE: as_png(self.image),
            MATTE: as_png(self.matte),
            BACKGROUND: as_png(self.background),
            LANDMARKS: as_npy(self.landmarks),
        }
        content = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "size": self.size,
            "source_sha256": self.source_sha256,
            "crop": list(self.crop),
            **FILES,
            **self.details.written(),
            "sha256": {file: hashlib.sha256(files[file]).hexdigest() for file in FILES.values()},
        }
        # ASCII, so that a name that is no text is refused by the check and not by the encoding.
        read_description(json.dumps(content).encode(), f"avatar {self.name!r}")
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        return {DESCRIPTION: text.encode("utf-8"), **files}

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        allow_expired: bool = False,
        today: date | None = None,
        trusted_key: Path | None = None,
    ) -> Self:
        """Read a package, a folder or an `.avatar` file, and check it against its own hashes.

        Args:
            path: what `save` or `pack_avatar` wrote.
            allow_expired: also if the person's consent has ended; for looking, not for rendering.
            today: the day that consent is asked for; None: this day.
            trusted_key: a PEM file of the public key that must have signed the package; None: any, or none.

        Raises:
            RenderError: no package there, another schema, a file that is missing or was changed, a wrong signature, or
                a consent that has ended.
        """
        path = Path(path)
        return cls.from_files(
            read_package(path), str(path), allow_expired=allow_expired, today=today, trusted_key=trusted_key
        )

    @classmethod
    def from_files(
        cls,
        files: Mapping[str, bytes],
        where: str,
        *,
        allow_expired: bool = False,
        today: date | None = None,
        trusted_key: Path | None = None,
    ) -> Self:
        """Check the files of a package, as `read_package` gives them; see `load`."""
        said = read_description(files[DESCRIPTION], f"{where}: {DESCRIPTION}")
        if not allow_expired:
            check_consent(said.consent, today or date.today(), where)
        for file, expected in said.sha256.items():
            if hashlib.sha256(files[file]).hexdigest() != expected:
                raise RenderError(
                    f"{where}: {file} is not the file that the package was made with (its SHA-256 differs from "
                    f"{DESCRIPTION}). {AGAIN}"
                )
        check_signature(files, where, trusted_key)
        image, background = (from_png(files[file], said.size, 3, f"{where}: {file}") for file in (PICTURE, BACKGROUND))
        matte = from_png(files[MATTE], said.size, 1, f"{where}: {MATTE}")
        landmarks = from_npy(files[LANDMARKS], said.size, f"{where}: {LANDMARKS}")
        check_shape(landmarks, said.size, f"{where}: {LANDMARKS}", AGAIN)
        return cls(said.name, image, landmarks, matte, background, said.crop, said.source_sha256, said.details)


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
        RenderError: a size that no avatar can have; no face, several faces, one that is too small, cut off or turned
            away.
    """
    check_size(size)
    landmarks = the_one_face(faces, image.shape, name, minimum_face_px)
    left, top, side = crop_box(landmarks, image.shape)
    crop = cut(image, left, top, side)
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


def read_package(path: Path) -> dict[str, bytes]:
    """The content of each file of a package, a folder or an `.avatar` file, unchecked.

    Raises:
        RenderError: no package there, or one with a file missing, too large or unexpected.
    """
    return read_archive(path) if path.is_file() else read_folder(path)


def check_size(size: int) -> None:
    """Refuse a size that no avatar can have.

    Raises:
        RenderError: it is odd or out of range.
    """
    if size < 2 or size > MAXIMUM_SIZE or size % 2:
        raise RenderError(f"size {size}: expected an even number of pixels from 2 to {MAXIMUM_SIZE}. Correct the size.")


def check_replaceable(folder: Path) -> None:
    """Refuse to replace a folder that holds anything else than an avatar package.

    Raises:
        RenderError: the folder has other content, or a file has its name.
    """
    if folder.exists() and not folder.is_dir():
        raise RenderError(f"{folder}: a file has the name of the avatar folder. Choose another `out`.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / DESCRIPTION).is_file():
        raise RenderError(f"{folder}: the folder holds something else than an avatar. Choose another `out`.")


def write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of a package, atomically. An older package there is replaced.

    Raises:
        RenderError: the folder is something else than an avatar package, or can't be written.
    """
    check_replaceable(folder)
    try:
        with replacing_folder(folder) as unfinished:
            for name, content in files.items():
                (unfinished / name).write_bytes(content)
    except OSError as error:
        raise RenderError(f"{folder}: the avatar can't be written ({error}). Check space and permissions.") from error
