"""Make an avatar from a photo, or from the best picture of a video.

python -m scripts.make_avatar image=<photo or video> out=<folder>

`image=builtin` takes the portrait of the astronaut Eileen Collins (NASA, public domain) that scikit-image carries.
`consent.who=... consent.purpose=... consent.licence=... consent.until=2027-01-31` records who allowed what, until when.
"""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from scripts.entry import run
from scripts.video_portrait import best_picture, is_video
from src.data.landmarks import FaceFinder
from src.data.person_matte import person_matte
from src.render.avatar import MINIMUM_FACE_PX, Avatar, check_replaceable, create_avatar
from src.render.avatar_schema import Details
from src.render.portrait import load_portrait
from src.render.preflight import preflight, refuse

BUILTIN = "builtin"
BUILTIN_NAME = "astronaut"

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Read, detect, crop, write."""
    folder = Path(config.out)
    check_replaceable(folder)
    details = details_of(config)
    image = picture_of(config.image, config.minimum_face_px)
    name = config.name or (BUILTIN_NAME if config.image == BUILTIN else Path(config.image).stem)
    avatar = avatar_from_picture(image, config.size, name, config.minimum_face_px)
    replace(avatar, details=details).save(folder)
    logger.info("%s: avatar %s, %d pixels, face size %.0f pixels", folder, name, avatar.size, avatar.face_size)


def details_of(config: DictConfig) -> Details:
    """What people decided about the avatar.

    Raises:
        RenderError: names each value that is wrong, or missing in a consent.
    """
    consent = {key: value for key, value in config.consent.items() if value is not None}
    values = {"creator": config.creator, "language": config.language, "consent": consent or None}
    return Details.of(values, "make_avatar")


def picture_of(source: str, minimum_face_px: float) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a photo, of the best picture of a video, or of the built-in portrait.

    Raises:
        RenderError: the photo can't be read, or no picture of the video shows one face.
        MediaError: the video can't be read.
    """
    if source == BUILTIN:
        return builtin_portrait()
    return best_picture(Path(source), minimum_face_px) if is_video(source) else load_portrait(source)


def avatar_from_picture(image: NDArray[np.uint8], size: int, name: str, minimum_face_px: float) -> Avatar:
    """Find face and person of a picture and crop around them.

    Raises:
        RenderError: there is not exactly one usable face; names every reason.
    """
    with FaceFinder() as finder:
        faces = finder.find(image)
    findings = preflight(image, faces, minimum_face_px)
    refuse(name, findings)
    for finding in findings:
        logger.warning("%s: %s", name, finding)
    return create_avatar(image, faces, person_matte, size, name, minimum_face_px)


def builtin_portrait() -> NDArray[np.uint8]:
    """(512, 512, 3) RGB: the astronaut Eileen Collins."""
    import skimage.data  # an extra that only this picture needs

    return np.ascontiguousarray(skimage.data.astronaut()[..., :3])


def builtin_avatar(size: int) -> Avatar:
    """The built-in portrait as an avatar of `size` pixels."""
    return avatar_from_picture(builtin_portrait(), size, BUILTIN_NAME, MINIMUM_FACE_PX)


if __name__ == "__main__":
    run(main, "make_avatar")
