"""The networks have the sizes of the official ones; smaller ones of the same make give what they promise."""

import pytest
import torch
from torch import nn

from tests.render.liveportrait.small_networks import SMALL, networks


@pytest.fixture(scope="module")
def official() -> dict[str, nn.Module]:
    return networks({})


@pytest.mark.parametrize(
    ("name", "parameters", "entries"),
    [
        ("appearance_feature_extractor", 836_224, 107),
        ("motion_extractor", 28_118_728, 212),
        ("warping_module", 45_529_829, 97),
        ("spade_generator", 55_365_388, 182),
        ("stitching", 45_249, 8),
        ("eye", 144_703, 12),
        ("lip", 37_311, 8),
    ],
)
def test_networks_have_the_official_size(
    name: str, parameters: int, entries: int, official: dict[str, nn.Module]
) -> None:
    assert sum(tensor.numel() for tensor in official[name].parameters()) == parameters
    assert len(official[name].state_dict()) == entries


@torch.no_grad()
def test_a_smaller_set_of_networks_draws_pictures_of_the_same_size() -> None:
    small = networks(SMALL)
    volume = small["appearance_feature_extractor"](torch.rand(2, 3, 256, 256))
    assert volume.shape == (2, 32, 4, 64, 64)
    keypoints = torch.rand(2, 5, 3) - 0.5
    warped = small["warping_module"](volume, keypoints + 0.02, keypoints)
    assert warped.motion.deformation.shape == (2, 4, 64, 64, 3)
    assert warped.motion.occlusion.shape == (2, 1, 64, 64)
    image = small["spade_generator"](warped.features)
    assert image.shape == (2, 3, 512, 512)
    assert 0 <= float(image.min()) < float(image.max()) <= 1
