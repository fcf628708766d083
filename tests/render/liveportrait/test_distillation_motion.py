"""Random motion follows from its generator and stays in its ranges."""

from dataclasses import replace

import pytest
import torch

from src.errors import ConfigError, RenderError
from src.motion import head_angles
from src.render.liveportrait.distillation_motion import MotionRanges, RandomMotion
from src.render.liveportrait.finishing import Correctors, Portrait
from src.render.liveportrait.heads import KeypointMLP
from src.render.liveportrait.keypoints import FaceMotion, rotation_of

STILL = MotionRanges(
    yaw_degrees=0, pitch_degrees=0, roll_degrees=0, expression=0, borrowed=0, scale=0, shift=0, lips=0, eyes=0
)


def still_networks() -> Correctors:
    """Networks that move nothing."""
    heads = [KeypointMLP(sizes=sizes) for sizes in ([126, 65], [66, 63], [65, 63])]
    for head in heads:
        for parameter in head.parameters():
            torch.nn.init.zeros_(parameter)
    return Correctors(*heads)


def portraits(count: int) -> list[Portrait]:
    generator = torch.Generator().manual_seed(0)
    zero = torch.zeros(1, 1)
    return [
        Portrait(
            FaceMotion(
                kp=torch.rand(1, 21, 3, generator=generator),
                rotation=rotation_of(zero, zero, zero),
                exp=torch.rand(1, 21, 3, generator=generator) * 0.1,
                scale=torch.ones(1, 1),
                t=torch.zeros(1, 3),
            ),
            torch.full((1, 2), 0.4),
            torch.full((1, 1), 0.1),
        )
        for _ in range(count)
    ]


def drawn(ranges: MotionRanges, seed: int = 0, count: int = 64) -> tuple[RandomMotion, torch.Tensor, torch.Tensor]:
    motion = RandomMotion(portraits(3), still_networks(), ranges)
    return motion, *motion.draw(count, torch.Generator().manual_seed(seed))


def test_the_same_generator_gives_the_same_motion_of_all_portraits() -> None:
    wide = MotionRanges(**dict.fromkeys(vars(STILL), 0.5))
    _, index, driving = drawn(wide)
    assert set(index.tolist()) == {0, 1, 2}
    assert driving.shape == (64, 21, 3)
    assert torch.equal(drawn(wide)[2], driving)
    assert not torch.equal(drawn(wide, seed=1)[2], driving)
    assert driving[:, 0].unique(dim=0).shape[0] == 64


def test_without_ranges_portraits_stay_as_they_are() -> None:
    motion, index, driving = drawn(STILL)
    torch.testing.assert_close(driving, motion.keypoints[index])


@pytest.mark.parametrize("angle", ["yaw", "pitch", "roll"])
def test_heads_turn_as_far_as_is_allowed(angle: str) -> None:
    # With a pose of nothing and an expression of nothing, keypoints are only turned; the axis stays.
    plain = [replace(one, motion=one.motion._replace(exp=torch.zeros(1, 21, 3))) for one in portraits(3)]
    motion = RandomMotion(plain, still_networks(), replace(STILL, **{f"{angle}_degrees": 30}))
    index, driving = motion.draw(64, torch.Generator().manual_seed(0))
    rotations = torch.linalg.lstsq(motion.keypoints[index], driving).solution
    angles = abs(head_angles(rotations.mT.double().numpy()))
    turned = dict(zip(("yaw", "pitch", "roll"), angles.T, strict=True))
    assert 25 < turned[angle].max() <= 30.01
    assert all(values.max() < 0.01 for name, values in turned.items() if name != angle)


@pytest.mark.parametrize(("name", "axes"), [("shift", 2), ("expression", 3)])
def test_faces_and_keypoints_move_as_far_as_is_allowed(name: str, axes: int) -> None:
    motion, index, driving = drawn(replace(STILL, **{name: 0.1}))
    moves = (driving - motion.keypoints[index]).abs()
    assert 0.08 < moves[..., :axes].max() <= 0.1001
    assert axes == 3 or moves[..., 2].max() == 0


def test_expressions_are_borrowed_from_other_portraits() -> None:
    motion, index, driving = drawn(replace(STILL, borrowed=1.0))
    moves = driving - motion.keypoints[index]
    assert moves.abs().max() > 0.05
    assert (
        RandomMotion(portraits(1), still_networks(), replace(STILL, borrowed=1.0))
        .draw(8, torch.Generator().manual_seed(0))[1]
        .isfinite()
        .all()
    )


@pytest.mark.parametrize(("name", "value"), [("yaw_degrees", -1.0), ("lips", float("nan")), ("scale", 1.0)])
def test_ranges_that_can_not_be_are_named(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"motion\.{name}="):
        replace(STILL, **{name: value})


def test_a_portrait_without_openings_is_refused() -> None:
    with pytest.raises(RenderError, match=r"motion\.eyes needs openings"):
        RandomMotion([Portrait(portraits(1)[0].motion)], still_networks(), STILL)
