"""Parity of the maths: pose, keypoints, ratios, smoothing, pictures in and out."""

import re

import numpy as np
import torch
from torch import Tensor

from src.parity_run import SeededNetworks
from src.parity_vectors import VectorFile
from src.render.liveportrait import keypoint_sets, ratios
from src.render.liveportrait.animation import size_ratio
from src.render.liveportrait.heads import retargeted, stitched
from src.render.liveportrait.keypoints import RawMotion, degrees_of, motion_of, rotation_of
from src.render.liveportrait.parity_seeds import LEVELS, MATHS, seeded_image
from src.render.liveportrait.pictures import drawn_pictures, network_input
from src.render.liveportrait.smoothing import smooth_sequence


def compare_maths(vectors: VectorFile, networks: SeededNetworks) -> None:
    """Everything in the file; each part only if the file has it."""
    parts = {name.partition("/")[0] for name in vectors.names}
    known = {
        "headpose": _head_pose,
        "rotation": _rotation,
        "transform_keypoint": _keypoints,
        "stitching": _stitching,
        "retarget_eye": _retargeting,
        "ratio": _ratios,
        "multiplier": _multiplier,
        "smooth": _smoothing,
        "parse_output": _drawn,
        "prepare_source": _prepared,
        "constants": _constants,
    }
    for part, compare in known.items():
        if part in parts:
            compare(vectors, networks)


def _head_pose(vectors: VectorFile, networks: SeededNetworks) -> None:
    degrees = degrees_of(_tensor(vectors, "headpose/in"))
    vectors.compare("headpose/out", degrees[:, 0], relative=MATHS)


def _rotation(vectors: VectorFile, networks: SeededNetworks) -> None:
    angles = [_tensor(vectors, f"rotation/{axis}") for axis in ("pitch", "yaw", "roll")]
    vectors.compare("rotation/out", rotation_of(*angles), relative=MATHS)
    for name in vectors.names:
        found = re.fullmatch(r"rotation/axis(\d+)_out", name)
        if found is not None:
            about = float(found[1]) * torch.eye(3)
            vectors.compare(name, rotation_of(about[:, :1], about[:, 1:2], about[:, 2:]), relative=MATHS)


def _keypoints(vectors: VectorFile, networks: SeededNetworks) -> None:
    raw = RawMotion(**{name: _tensor(vectors, f"transform_keypoint/{name}") for name in RawMotion._fields})
    vectors.compare("transform_keypoint/out_from_raw", motion_of(raw).keypoints, relative=MATHS)


def _stitching(vectors: VectorFile, networks: SeededNetworks) -> None:
    source, driving = (_tensor(vectors, f"stitching/kp_{name}") for name in ("source", "driving"))
    vectors.compare("stitching/out", stitched(networks["stitching"], source, driving), relative=MATHS)


def _retargeting(vectors: VectorFile, networks: SeededNetworks) -> None:
    source = _tensor(vectors, "stitching/kp_source")
    for name in ("eye", "lip"):
        moves = retargeted(networks[name], source, _tensor(vectors, f"retarget_{name}/ratio"))
        vectors.compare(f"retarget_{name}/out", moves, relative=MATHS)


def _ratios(vectors: VectorFile, networks: SeededNetworks) -> None:
    landmarks = vectors.value("ratio/landmarks")
    eyes, lips = ratios.eye_ratios(landmarks), ratios.lip_ratios(landmarks)
    vectors.compare("ratio/eye_close", eyes, relative=MATHS)
    vectors.compare("ratio/lip_close", lips, relative=MATHS)
    for name, ours, driver in (("eye", eyes, "c_d_eyes"), ("lip", lips, "c_d_lip")):
        wanted = vectors.value(f"ratio/{driver}")[:, :1]
        vectors.compare(f"ratio/combined_{name}", np.concatenate([ours[:1], wanted], axis=1), relative=MATHS)


def _multiplier(vectors: VectorFile, networks: SeededNetworks) -> None:
    source, driving = (_tensor(vectors, f"stitching/kp_{name}")[:1] for name in ("source", "driving"))
    vectors.compare("multiplier/out", size_ratio(source, driving)[0, 0, 0], relative=MATHS)


def _smoothing(vectors: VectorFile, networks: SeededNetworks) -> None:
    sequence = vectors.value("smooth/in")
    for name in vectors.names:
        found = re.fullmatch(r"smooth/out_(.+)", name)
        if found is not None:
            smooth = smooth_sequence(sequence, float(found[1]))
            vectors.compare(name, smooth.squeeze(1), relative=MATHS)


def _drawn(vectors: VectorFile, networks: SeededNetworks) -> None:
    vectors.compare("parse_output/out", drawn_pictures(_tensor(vectors, "parse_output/in")))


def _prepared(vectors: VectorFile, networks: SeededNetworks) -> None:
    image = seeded_image("math/prepare_source", networks.seed)
    vectors.compare("prepare_source/out_256", network_input(image), relative=MATHS)
    for name in vectors.names:
        found = re.fullmatch(r"prepare_source/out_from_(\d+)x(\d+)", name)
        if found is not None:
            part = np.ascontiguousarray(image[: int(found[1]), : int(found[2])])
            vectors.compare(name, network_input(part), absolute=LEVELS / 255)


def _constants(vectors: VectorFile, networks: SeededNetworks) -> None:
    vectors.compare("constants/lip_array", keypoint_sets.CLOSED_LIPS[None])


def _tensor(vectors: VectorFile, name: str) -> Tensor:
    return torch.from_numpy(vectors.value(name))
