"""Parity of the networks, layer by layer, on seeded inputs."""

import re
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from src import seeded_weights
from src.parity_layers import View, compared_layers
from src.parity_run import SeededNetworks
from src.parity_vectors import VectorFile
from src.render.liveportrait import warping
from src.render.liveportrait.keypoints import RawMotion
from src.render.liveportrait.parity_seeds import MATHS, NETWORK, SAME, WARP, seeded_image, seeded_tensor
from src.render.liveportrait.pictures import network_input

_DENSE = "dense_motion_network"
_CUBE, _FEATURES, _STEP, _GENERATOR_FEATURES = 0.6, 2.0, 0.1, 1.5  # half widths of the inputs

WARPING_VIEWS = {
    "compress_norm": View(f"{_DENSE}.norm"),
    "hourglass_input": View(f"{_DENSE}.hourglass", is_input=True),
    "mask_logits": View(f"{_DENSE}.mask"),
    "mask": View(f"{_DENSE}.mask", lambda logits: logits.softmax(dim=1)),
    "occlusion_logits": View(f"{_DENSE}.occlusion"),
    "third": View("third", lambda normed: functional.leaky_relu(normed, warping.LEAKY_SLOPE)),
    "fourth": View("fourth"),
    **{f"encoder.{i}": View(f"{_DENSE}.hourglass.encoder.down_blocks.{i}") for i in range(5)},
    **{f"decoder.{i}": View(f"{_DENSE}.hourglass.decoder.up_blocks.{i}") for i in range(5)},
}


def compare_appearance(vectors: VectorFile, networks: SeededNetworks) -> None:
    """F on a picture."""
    image = seeded_image("F/image", networks.seed)
    vectors.compare("in/image_crc32", seeded_weights.image_checksum(image))
    pixels = network_input(image)
    vectors.compare("in/image", pixels, relative=SAME, optional=True)
    network = networks["appearance_feature_extractor"]
    with compared_layers(vectors, network, NETWORK, views={"first": View("first", functional.relu)}):
        vectors.compare("out/feature_3d", network(pixels), relative=NETWORK)


def compare_motion_extractor(vectors: VectorFile, networks: SeededNetworks) -> None:
    """M on a batch of pictures, before angles are angles."""
    images = counted_images(vectors, "in/image_crc32", "M/image", networks.seed)
    network = networks["motion_extractor"]
    views = {"pooled_norm": View("detector.norm")}
    with compared_layers(vectors, network, NETWORK, prefix="detector.", views=views):
        raw: RawMotion = network(torch.cat([network_input(image) for image in images]))
    for name, output in raw._asdict().items():
        vectors.compare(f"out/{name}", output, relative=NETWORK)


def compare_warping(vectors: VectorFile, networks: SeededNetworks) -> None:
    """W alone and as the second of a batch."""
    network = networks["warping_module"]
    volume, driving, source = warping_inputs("", networks.seed)
    for name, given in (("feature_3d", volume), ("kp_source", source), ("kp_driving", driving)):
        vectors.compare(f"in/{name}", given, relative=SAME, optional=True)
    with compared_layers(vectors, network, WARP, prefix=f"{_DENSE}.", views=WARPING_VIEWS):
        _compare_warped(vectors, "out", network(volume, driving, source))
    if any(name.startswith("out_b1/") for name in vectors.names):
        both = zip((volume, driving, source), warping_inputs("_b1", networks.seed), strict=True)
        warped = network(*(torch.cat(pair) for pair in both))
        second = warping.DenseMotion(warped.motion.deformation[1:], warped.motion.occlusion[1:])
        _compare_warped(vectors, "out_b1", warping.Warped(warped.features[1:], second))


def compare_generator(vectors: VectorFile, networks: SeededNetworks) -> None:
    """G on features, and its spectral norms."""
    network = networks["spade_generator"]
    features = seeded_tensor("G/feature", (1, 256, 64, 64), networks.seed, _GENERATOR_FEATURES)
    vectors.compare("in/feature", features, relative=SAME, optional=True)
    with compared_layers(vectors, network, NETWORK):
        vectors.compare("out/image", network(features), relative=NETWORK)
    if "sigma/names" in vectors.names:
        layers = [str(layer) for layer in vectors.value("sigma/names")]
        sigmas = [float(network.get_submodule(layer).sigma) for layer in layers]  # type: ignore[arg-type]
        vectors.compare("sigma/values", np.array(sigmas), relative=NETWORK)


def compare_heads(vectors: VectorFile, networks: SeededNetworks) -> None:
    """S, R_eye and R_lip on a batch each."""
    for name in vectors.names:
        found = re.fullmatch(r"out/(stitching|eye|lip)", name)
        if found is not None:
            given = vectors.value(f"in/{found[1]}")
            seeded = seeded_tensor(f"S/{found[1]}", given.shape, networks.seed, _CUBE)
            vectors.compare(f"in/{found[1]}", seeded)
            vectors.compare(name, networks[found[1]](torch.from_numpy(given)), relative=MATHS)


def warping_inputs(suffix: str, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Volume, driving and source keypoints that vectors of W are made with."""
    volume = seeded_tensor(f"W/feature_3d{suffix}", (1, 32, 16, 64, 64), seed, _FEATURES)
    source = seeded_tensor(f"W/kp_source{suffix}", (1, 21, 3), seed, _CUBE)
    return volume, source + seeded_tensor(f"W/kp_delta{suffix}", (1, 21, 3), seed, _STEP), source


def counted_images(vectors: VectorFile, checksums: str, name: str, seed: int) -> Sequence[NDArray[np.uint8]]:
    """As many seeded pictures as a vector has checksums, `<name>0` and on; the checksums are compared."""
    images = [seeded_image(f"{name}{i}", seed) for i in range(len(vectors.value(checksums)))]
    vectors.compare(checksums, np.array([seeded_weights.image_checksum(image) for image in images]))
    return images


def _compare_warped(vectors: VectorFile, place: str, warped: warping.Warped) -> None:
    vectors.compare(f"{place}/deformation", warped.motion.deformation, relative=WARP)
    vectors.compare(f"{place}/occlusion_map", warped.motion.occlusion, relative=WARP)
    vectors.compare(f"{place}/out", warped.features, relative=WARP)
