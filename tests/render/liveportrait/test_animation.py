"""Keypoints follow a driver as the options say; the official answers themselves are in `test_parity.py`."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from src.errors import ConfigError, MotionError, RenderError
from src.render.liveportrait.animation import Animator, size_ratio
from src.render.liveportrait.animation_options import OFFICIAL, AnimationOptions, Friendly, Region
from src.render.liveportrait.driving import DrivingFrame
from src.render.liveportrait.finishing import Correctors, Portrait
from src.render.liveportrait.keypoint_sets import CLOSED_LIPS, EYES, LIPS, expression_mask
from src.render.liveportrait.keypoints import FaceMotion, rotation_of
from tests.render.liveportrait.motions import correctors, portrait, template

PLAIN = replace(OFFICIAL, stitching=False)
POSE_FRIENDLY = replace(PLAIN, friendly=Friendly.POSE)
NONE = Correctors(None, None, None)


def driven(options: AnimationOptions, count: int = 3, networks: Correctors = NONE) -> Tensor:
    animator = Animator(portrait(), networks, options, lone=count == 1)
    return torch.cat([animator.step(template(count).frame(i)) for i in range(count)])


def test_the_first_frame_of_relative_motion_is_the_portrait() -> None:
    for options in (PLAIN, POSE_FRIENDLY):
        torch.testing.assert_close(driven(options)[:1], portrait().keypoints)


def test_a_multiplier_of_zero_keeps_the_portrait_and_two_doubles_the_way() -> None:
    still = portrait().keypoints.expand(3, 21, 3)
    torch.testing.assert_close(driven(replace(PLAIN, multiplier=0)), still)
    torch.testing.assert_close(driven(replace(PLAIN, multiplier=2)) - still, 2 * (driven(PLAIN) - still))


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(("region", "moving"), [(Region.LIPS, LIPS), (Region.EYES, EYES)])
def test_only_the_keypoints_of_a_region_move(region: Region, moving: tuple[int, ...], relative: bool) -> None:
    ways = driven(replace(POSE_FRIENDLY, region=region, relative=relative)) - portrait().keypoints
    moved = ways[-1].abs().amax(dim=1) > 1e-6
    assert set(torch.nonzero(moved)[:, 0].tolist()) == set(moving)


def test_a_pose_is_followed_to_the_degree_and_expression_is_not() -> None:
    """Head angles are recovered from the driven keypoints."""
    source = portrait()
    turn = rotation_of(*torch.tensor([[[10.0]], [[-15.0]], [[5.0]]]))
    first = template(1).frame(0)
    frame = first._replace(rotation=turn @ first.rotation, exp=first.exp + 1)
    animator = Animator(source, NONE, replace(POSE_FRIENDLY, region=Region.POSE))
    animator.step(first)
    canonical = (animator.step(frame) - source.motion.t[:, None] * torch.tensor([1, 1, 0])) / source.motion.scale[
        ..., None
    ]
    found = torch.linalg.lstsq(source.motion.kp[0], (canonical - source.motion.exp)[0]).solution
    torch.testing.assert_close(found, (turn @ source.motion.rotation)[0], atol=1e-5, rtol=0)


def test_absolute_expressions_leave_the_shape_of_the_face() -> None:
    still = Portrait(portrait().motion._replace(exp=torch.zeros(1, 21, 3), rotation=torch.eye(3)[None]))
    frame = template(1).frame(0)._replace(exp=torch.ones(1, 21, 3))
    options = replace(PLAIN, relative=False, region=Region.EXPRESSION)
    ways = (Animator(still, NONE, options).step(frame) - still.keypoints)[0]
    assert torch.equal(ways.abs() > 0.5, expression_mask())


def test_a_single_picture_is_measured_from_closed_lips() -> None:
    frame = template(1).frame(0)._replace(exp=torch.from_numpy(CLOSED_LIPS).float()[None])
    animator = Animator(portrait(), NONE, POSE_FRIENDLY, lone=True)
    torch.testing.assert_close(animator.step(frame), portrait().keypoints)


def test_several_portraits_at_once_are_each_of_them_alone() -> None:
    options = replace(OFFICIAL, normalize_lips=True)
    both = portrait(2)
    together = Animator(both, correctors(), options)
    alone = []
    for i in range(2):
        motion = FaceMotion(*(values[i : i + 1] for values in both.motion))
        alone.append(Animator(Portrait(motion, both.eye_ratios[:1], both.lip_ratio[:1]), correctors(), options))
    for i in range(3):
        frame = template(3).frame(i)
        torch.testing.assert_close(together.step(frame), torch.cat([animator.step(frame) for animator in alone]))


def test_only_open_lips_are_closed() -> None:
    options, networks = replace(PLAIN, normalize_lips=True), correctors()
    first = template(2).frame(0)
    for opening, closes in ((0.029, False), (0.031, True)):
        source = portrait(lips=opening)
        way = Animator(source, networks, options).step(first) - source.keypoints
        assert (way.abs().max() > 1e-3) == closes


def test_retargeting_follows_the_opening_and_drops_other_relative_motion() -> None:
    options, networks = replace(PLAIN, retarget_lips=True), correctors()
    animator = Animator(portrait(), networks, options)
    frame = template(1).frame(0)
    first = animator.step(frame)
    turned = frame._replace(exp=frame.exp + 1, t=frame.t + 1)
    assert torch.equal(animator.step(turned), first)
    assert not torch.equal(animator.step(frame._replace(lip_ratio=frame.lip_ratio + 0.1)), first)


def test_size_ratio_of_a_face_twice_as_large() -> None:
    face = portrait().keypoints
    assert size_ratio(face, 2 * face).item() == pytest.approx(8**-0.5)
    with pytest.raises(RenderError, match="lie in a plane"):
        size_ratio(face, face * torch.tensor([1, 1, 0]))


@pytest.mark.parametrize(
    ("field", "message"),
    [("exp", "NaN or infinity in exp of a driving frame"), ("lip_ratio", "NaN or infinity in lip_ratio")],
)
def test_nan_in_motion_is_refused(field: str, message: str) -> None:
    frame = template(1).frame(0)
    broken = frame._replace(**{field: torch.full_like(getattr(frame, field), torch.nan)})
    with pytest.raises(MotionError, match=message):
        Animator(portrait(), NONE, PLAIN).step(broken)


def test_what_options_need_is_asked_for_by_name() -> None:
    blind = Portrait(portrait().motion)
    with pytest.raises(RenderError, match="retarget_eyes needs openings of the portrait"):
        Animator(blind, correctors(), replace(PLAIN, retarget_eyes=True))
    with pytest.raises(RenderError, match="normalize_lips needs the retargeting networks"):
        Animator(portrait(), NONE, replace(PLAIN, normalize_lips=True))
    frame = DrivingFrame(*template(1).frame(0)[:4])
    with pytest.raises(MotionError, match="no openings of the eyes. Set retarget_eyes=false"):
        Animator(portrait(), correctors(), replace(PLAIN, retarget_eyes=True)).step(frame)


def test_options_take_the_values_of_configuration_files() -> None:
    assert replace(OFFICIAL, region="lip").region is Region.LIPS
    with pytest.raises(ConfigError, match="region=nose, expected one of all, exp, pose, lip, eyes"):
        replace(OFFICIAL, region="nose")
    with pytest.raises(ConfigError, match="observation_variance=0"):
        replace(OFFICIAL, observation_variance=0)
