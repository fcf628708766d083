"""Engines give what the plain networks give."""

import pytest
import torch
from torch import Tensor, nn

from src.errors import CheckpointError, ConfigError
from src.render.liveportrait.engine import EagerEngine
from src.render.liveportrait.keypoints import motion_of
from src.render.liveportrait.pictures import levels_of

pytestmark = pytest.mark.usefixtures("single_threaded")


def image(count: int = 1) -> Tensor:
    return torch.rand(count, 3, 256, 256, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_a_frame_is_that_of_the_plain_networks(networks: dict[str, nn.Module], eager: EagerEngine) -> None:
    volume, face = networks["appearance_feature_extractor"](image()), motion_of(networks["motion_extractor"](image()))
    assert torch.allclose(eager.appearance(image()), volume)
    assert torch.allclose(eager.motion(image()).keypoints, face.keypoints)
    driving = face.keypoints + 0.05
    plain = networks["spade_generator"](networks["warping_module"](volume, driving, face.keypoints).features)
    drawn = eager.draw(eager.prepare(volume, face.keypoints), driving)
    assert drawn.shape == (1, 512, 512, 3)
    assert drawn.dtype == torch.uint8
    off = (drawn.int() - levels_of(plain).int()).abs()
    assert off.max() <= 1
    assert off.float().mean() < 0.01


def test_a_batch_of_frames_is_its_frames(eager: EagerEngine) -> None:
    face = eager.motion(image())
    source = eager.prepare(eager.appearance(image()), face.keypoints)
    driving = face.keypoints + torch.tensor([0.0, 0.05, -0.1]).view(3, 1, 1)
    drawn = eager.draw(source, driving)
    alone = torch.cat([eager.draw(source, keypoints[None]) for keypoints in driving])
    assert drawn.shape == (3, 512, 512, 3)
    assert (drawn.int() - alone.int()).abs().max() <= 1
    assert (drawn[0] != drawn[1]).any()


def test_half_precision_draws_about_the_same(networks: dict[str, nn.Module], eager: EagerEngine) -> None:
    half = EagerEngine(networks=networks, weights=None, device="cpu", dtype="bfloat16")
    face = eager.motion(image())
    volume = eager.appearance(image())
    drawn, exact = (e.draw(e.prepare(volume, face.keypoints), face.keypoints) for e in (half, eager))
    assert (drawn.int() - exact.int()).abs().float().mean() < 4


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"dtype": "int8"}, ConfigError, "dtype=int8: expected one of float32, float16, bfloat16"),
        ({"device": "abacus"}, ConfigError, "device=abacus: not usable on this machine"),
        ({"weights": "nowhere"}, CheckpointError, "weights of LivePortrait are missing"),
    ],
)
def test_what_is_not_there_is_said(
    networks: dict[str, nn.Module], changed: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        EagerEngine(**({"networks": networks, "weights": None, "device": "cpu", "dtype": "float32"} | changed))
