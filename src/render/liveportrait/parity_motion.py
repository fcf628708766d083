"""Parity of the animation loop, on templates of any length, and of the whole chain from picture to picture."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src import seeded_weights
from src.errors import Audio2MotionError
from src.parity_run import SeededNetworks, read_json
from src.parity_vectors import VectorFile
from src.render.liveportrait.animation import Animator
from src.render.liveportrait.animation_options import OFFICIAL, AnimationOptions, Friendly
from src.render.liveportrait.driving import MotionTemplate, frame_of, template_of_images
from src.render.liveportrait.finishing import Correctors, Portrait
from src.render.liveportrait.keypoints import RawMotion, degrees_of, motion_of
from src.render.liveportrait.parity_seeds import LEVELS, LEVELS_SHARE, MATHS, NETWORK, PICTURE, seeded_image
from src.render.liveportrait.pictures import drawn_pictures, network_input
from src.render.liveportrait.ratios import eye_ratios, lip_ratios
from src.render.liveportrait.video_animation import animate_video, first_frames

CASES = "motion_cases.json"

_FPS = 25.0
_OPTIONS = {
    "flag_relative_motion": "relative",
    "flag_stitching": "stitching",
    "flag_normalize_lip": "normalize_lips",
    "flag_eye_retargeting": "retarget_eyes",
    "flag_lip_retargeting": "retarget_lips",
    "flag_source_video_eye_retargeting": "steady_eyes",
    "driving_option": "friendly",
    "driving_multiplier": "multiplier",
    "animation_region": "region",
    "driving_smooth_observation_variance": "observation_variance",
}
"""Our names of the official options."""

_DRIVING = "driving_video"


def compare_motion(vectors: VectorFile, networks: SeededNetworks) -> None:
    """Every case of `motion_cases.json`, and a template made from pictures."""
    extractor = networks["motion_extractor"]
    landmarks = vectors.value("source_landmarks")
    images = [seeded_image(f"motion/source{i}", networks.seed) for i in range(len(landmarks))]
    raw: RawMotion = extractor(torch.cat([network_input(image) for image in images]))
    compare_source(vectors, "source_info", raw)
    portrait = portrait_of(raw, landmarks)
    vectors.compare("source_info/x_s", portrait.keypoints, relative=MATHS)

    templates = {name.partition("/")[0] for name in vectors.names if name.startswith("template")}
    stored = {name: stored_template(vectors, name) for name in templates}
    cases = read_json(vectors.path.parent / CASES) if any(name.startswith("case/") for name in vectors.names) else {}
    for name, case in cases.items():
        try:
            source, driven = run_case(case, portrait, stored[case["template"]], networks)
        except (Audio2MotionError, KeyError, TypeError, ValueError) as error:
            vectors.fail(f"case/{name}/x_d", f"{CASES}: {type(error).__name__}: {error}")
            continue
        vectors.compare(f"case/{name}/x_s", source, relative=MATHS)
        vectors.compare(f"case/{name}/x_d", driven, relative=MATHS)
    if any(name.startswith(f"{_DRIVING}/") for name in vectors.names):
        _compare_driving_pictures(vectors, networks, first_frames(portrait, 1))


def compare_chain(vectors: VectorFile, networks: SeededNetworks) -> None:
    """A picture and a template to pictures: F, M, the loop, W and G."""
    image = seeded_image("e2e/source", networks.seed)
    vectors.compare("in/image_crc32", seeded_weights.image_checksum(image))
    pixels = network_input(image)
    raw: RawMotion = networks["motion_extractor"](pixels)
    compare_source(vectors, "source_info", raw)
    volume = networks["appearance_feature_extractor"](pixels)
    vectors.compare("feature_3d", volume, relative=NETWORK)
    portrait = portrait_of(raw, vectors.value("source_landmarks")[None])
    template = stored_template(vectors, "template")
    options = replace(OFFICIAL, friendly=Friendly.POSE, normalize_lips=True)
    animator = Animator(portrait, correctors_of(networks), options, lone=template.num_frames == 1)
    for i in range(template.num_frames):
        driven = animator.step(template.frame(i))
        vectors.compare(f"frame{i}/x_s", portrait.keypoints, relative=MATHS)
        vectors.compare(f"frame{i}/x_d", driven, relative=MATHS)
        warped = networks["warping_module"](volume, driven, portrait.keypoints)
        drawn = networks["spade_generator"](warped.features)
        vectors.compare(f"frame{i}/out", drawn, relative=PICTURE)
        vectors.compare(f"frame{i}/u8", drawn_pictures(drawn)[0], absolute=LEVELS, differing=LEVELS_SHARE)


def compare_source(vectors: VectorFile, place: str, raw: RawMotion) -> None:
    """What M says, in angles and points."""
    for name in ("pitch", "yaw", "roll"):
        vectors.compare(f"{place}/{name}", degrees_of(getattr(raw, name)), relative=NETWORK)
    motion = motion_of(raw)
    for name in ("t", "exp", "scale", "kp"):
        vectors.compare(f"{place}/{name}", getattr(motion, name), relative=NETWORK)


def run_case(
    case: Mapping[str, Any], portrait: Portrait, template: MotionTemplate, networks: SeededNetworks
) -> tuple[Tensor, Tensor]:
    """Source and driven keypoints of each frame.

    Args:
        case: of `motion_cases.json`.
        portrait: the frames of the source video; the first is the source picture.
        template: the driver.
        networks: with S, R_eye and R_lip.
    """
    options, correctors = options_of(case["options"]), correctors_of(networks)
    if case["source"].startswith("video"):
        named = re.search(r"\d+", case["source"])
        count = len(portrait.keypoints) if named is None else int(named[0])
        if count > len(portrait.keypoints):
            raise ValueError(f"source is {case['source']!r}, but there are landmarks of {len(portrait.keypoints)}")
        video, driven = animate_video(first_frames(portrait, count), correctors, options, template)
        return video.keypoints, driven
    if case["source"] != "image":
        raise ValueError(f"unknown source {case['source']!r}")
    source = first_frames(portrait, 1)
    animator = Animator(source, correctors, options, lone=template.num_frames == 1)
    frames = template.frames()
    driven = torch.cat([animator.step(frame_of(frames, i)) for i in range(template.num_frames)])
    return source.keypoints.expand_as(driven), driven


def options_of(official: Mapping[str, Any]) -> AnimationOptions:
    """From the official names and values; what isn't named has its default."""
    unknown = [name for name in official if name not in _OPTIONS]
    if unknown:
        raise ValueError(f"unknown option {unknown[0]!r}")
    return replace(OFFICIAL, **{_OPTIONS[name]: value for name, value in official.items()})


def stored_template(vectors: VectorFile, name: str) -> MotionTemplate:
    """A driver that is stored whole."""
    ratios = {
        ours: vectors.value(f"{name}/{key}")
        for key, ours in (("c_eyes", "eye_ratios"), ("c_lip", "lip_ratios"))
        if f"{name}/{key}" in vectors.names
    }
    return MotionTemplate(
        fps=_FPS,
        rotation=vectors.value(f"{name}/R"),
        exp=vectors.value(f"{name}/exp"),
        scale=vectors.value(f"{name}/scale"),
        t=vectors.value(f"{name}/t"),
        **ratios,
    )


def portrait_of(raw: RawMotion, landmarks: np.ndarray[Any, Any]) -> Portrait:
    """Faces by what M and (B, 203, 2) landmarks say."""
    return Portrait(motion_of(raw), torch.from_numpy(eye_ratios(landmarks)), torch.from_numpy(lip_ratios(landmarks)))


def correctors_of(networks: SeededNetworks) -> Correctors:
    """S, R_eye and R_lip."""
    return Correctors(networks["stitching"], networks["eye"], networks["lip"])


def _compare_driving_pictures(vectors: VectorFile, networks: SeededNetworks, portrait: Portrait) -> None:
    landmarks = vectors.value(f"{_DRIVING}/landmarks")
    images = [seeded_image(f"motion/driving{i}", networks.seed) for i in range(len(landmarks))]
    template = template_of_images(networks["motion_extractor"], images, _FPS, landmarks)
    ours = {
        "scale": template.scale,
        "R": template.rotation,
        "exp": template.exp,
        "t": template.t,
        "kp": template.kp,
        "x_s": template.keypoints,
        "c_eyes": template.eye_ratios,
        "c_lip": template.lip_ratios,
    }
    for name, values in ours.items():
        vectors.compare(f"{_DRIVING}/template/{name}", values, relative=NETWORK)
    animator = Animator(portrait, correctors_of(networks), OFFICIAL)
    driven = torch.cat([animator.step(template.frame(i)) for i in range(template.num_frames)])
    vectors.compare(f"{_DRIVING}/x_d", driven, relative=MATHS)
