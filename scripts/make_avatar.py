"""Make an avatar from a photo, or from the best picture of a video.

python -m scripts.make_avatar image=<photo or video> out=<folder>

`image=builtin` takes the portrait of the astronaut Eileen Collins (NASA, public domain) that scikit-image carries.
`consent.who=... consent.purpose=... consent.licence=... consent.until=2027-01-31` records who allowed what, until when;
`background_policy.kind=blurred background_policy.radius=0.02 amplitude.head_yaw=0.5 idle.blink=0` and others in
`conf/make_avatar.yaml` how the avatar is shown wherever it goes.
"""

import logging
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from scripts.entry import run
from scripts.video_portrait import best_picture, is_video
from src.data.landmarks import FaceFinder
from src.data.person_matte import person_matte
from src.files import replacing
from src.render.avatar import MINIMUM_FACE_PX, Avatar, check_replaceable, check_size, create_avatar
from src.render.avatar_archive import SUFFIX, write_archive
from src.render.avatar_files import as_png
from src.render.avatar_schema import Details, check_consent, check_engine
from src.render.portrait import load_portrait
from src.render.preflight import preflight, refuse

BUILTIN = "builtin"
BUILTIN_NAME = "astronaut"

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Read, detect, crop, write."""
    out = Path(config.out)
    if out.suffix != SUFFIX:
        check_replaceable(out)
    check_size(config.size)
    details = details_of(config)
    check_consent(details.consent, date.today(), "make_avatar")
    check_engine(details.minimum_engine_version, "make_avatar")
    image = picture_of(config.image, config.minimum_face_px)
    name = config.name or (BUILTIN_NAME if config.image == BUILTIN else Path(config.image).stem)
    avatar = avatar_from_picture(image, config.size, name, config.minimum_face_px)
    if config.picture is not None:
        with replacing(Path(config.picture)) as unfinished:
            unfinished.write_bytes(as_png(image))
    avatar = replace(avatar, details=details)
    if out.suffix == SUFFIX:
        write_archive(avatar.files(), out)
    else:
        avatar.save(out)
    logger.info("%s: avatar %s, %d pixels, face size %.0f pixels", out, name, avatar.size, avatar.face_size)


def details_of(config: DictConfig) -> Details:
    """What people decided about the avatar.

    Raises:
        RenderError: names each value that is wrong, or missing in a consent.
    """
    given: Any = OmegaConf.to_container(config)
    given["spec"] = given["motion_spec"]  # `spec` is a group of conf/
    return Details.of(_said({key: given[key] for key in Details.model_fields}), "make_avatar")


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """The values without those that are null, and without sections of which nothing is left."""
    inner = {key: _said(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in inner.items() if value is not None and value != {}}


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
    run(main, "make_avatar", short={"spec": "motion_spec"})
