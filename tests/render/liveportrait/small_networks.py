"""Networks made as the official ones are, but small."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from src.parity_run import fill_with_seed
from src.render.liveportrait.parity_seeds import WEIGHTS

ROOT = Path(__file__).resolve().parents[3]

SMALL = {
    "appearance_feature_extractor.reshape_depth": 4,
    "motion_extractor.num_keypoints": 5,
    "warping_module.dense_motion_network.block_expansion": 4,
    "warping_module.dense_motion_network.max_features": 16,
    "warping_module.out_channels": 16,
    "spade_generator.width": 16,
    "spade_generator.num_middle_blocks": 1,
    "spade_generator.out_width": 8,
    "spade_generator.hidden_channels": 8,
}


def networks(changes: dict[str, Any]) -> dict[str, nn.Module]:
    """Of the official configuration, with some values changed, in `eval()` mode."""
    config = OmegaConf.load(ROOT / "conf/render/networks/liveportrait.yaml")
    for key, value in changes.items():
        OmegaConf.update(config, key, value)
    built: dict[str, nn.Module] = instantiate(config, _convert_="all")
    return {name: network.eval() for name, network in built.items()}


def lively(network: nn.Module, seed: int) -> nn.Module:
    """The network with norms that do something: statistics and weights as after a training."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)) and module.running_mean is not None:
            module.running_mean.copy_(torch.randn(module.running_mean.shape, generator=generator) * 0.1)
            module.running_var.copy_(torch.rand(module.running_var.shape, generator=generator) + 0.5)
            module.weight.data.copy_(torch.rand(module.weight.shape, generator=generator) + 0.5)
            module.bias.data.copy_(torch.randn(module.bias.shape, generator=generator) * 0.1)
    return network


DRIVEN = SMALL | {
    "motion_extractor.num_keypoints": 21,
    "warping_module.dense_motion_network.compressed_channels": 1,
    "appearance_feature_extractor.reshape_depth": 2,
    "motion_extractor.depths": [1, 1, 1, 1],
    "motion_extractor.widths": [8, 8, 8, 8],
    "appearance_feature_extractor.block_expansion": 4,
    "appearance_feature_extractor.max_features": 16,
    "appearance_feature_extractor.reshape_channels": 4,
    "appearance_feature_extractor.num_resblocks": 1,
}
"""Small, and with the keypoints that the heads know: networks of a whole renderer."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Small layers: on a busy machine, threads that wait for each other cost more than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def seeded_networks(seed: int = 1) -> dict[str, nn.Module]:
    """All seven, small, with weights of the rule that vectors are made with: lively, and keypoints inside the cube."""
    built = networks(DRIVEN)
    for name, network in built.items():
        fill_with_seed(network, name, seed, exceptions=WEIGHTS)
    return built
