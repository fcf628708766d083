"""Keypoints follow the motion that is asked for: angles, jaw, lids, expression."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from src.errors import RenderError
from src.motion import ARKIT55, CORE7, MotionSpec, head_angles, head_rotation
from src.render.liveportrait.finishing import Correctors, Portrait
from src.render.liveportrait.offsets import expression_offsets
from src.render.liveportrait.puppet import Puppet
from src.render.liveportrait.settings import Settings
from tests.render.liveportrait.motions import correctors, portrait

LIPS_PER_JAW = 1.8
OFF = Settings(stitching=False, eyes=0, lips=0)


class Opening(nn.Module):
    """A corrector that moves every keypoint's y by the wanted ratio less the present one, times a tenth."""

    def forward(self, x: Tensor) -> Tensor:
        present = x[:, 63:-1].mean(dim=1, keepdim=True)
        moves = torch.zeros(len(x), 21, 3)
        moves[..., 1] = 0.1 * (x[:, -1:] - present)
        return moves.flatten(1)


def puppet(lips: float = 0.0, settings: Settings | None = None, networks: Correctors | None = None) -> Puppet:
    return Puppet(portrait(lips=lips), LIPS_PER_JAW, networks or correctors(), settings or Settings())


def opening(ratio: float = 0.0, **changed: Any) -> Puppet:
    return puppet(ratio, Settings(stitching=False, **changed), Correctors(None, Opening(), Opening()))


def frames(spec: MotionSpec = CORE7, **values: Any) -> Tensor:
    count = max((len(np.atleast_1d(value)) for value in values.values()), default=1)
    frames = torch.zeros(count, spec.size)
    for name, value in values.items():
        frames[:, spec.index(name)] = torch.as_tensor(value, dtype=torch.float32)
    return frames


def recovered_angles(puppet: Puppet, keypoints: Tensor) -> np.ndarray:
    """(B, 3) yaw, pitch, roll of driven keypoints against the canonical ones, by the best rotation."""
    motion = puppet.portrait.motion
    shift = torch.nn.functional.pad(motion.t[:, :2], (0, 1))[:, None]
    turned = (keypoints - shift) / motion.scale[..., None] - motion.exp
    u, _, vt = np.linalg.svd(np.einsum("ki,bkj->bji", motion.kp[0].double(), turned.double()))
    sign = np.eye(3)[None].repeat(len(u), 0)
    sign[:, 2, 2] = np.linalg.det(u @ vt)
    return head_angles(u @ sign @ vt)


@pytest.mark.parametrize("spec", [CORE7, ARKIT55], ids=["core7", "arkit55"])
@pytest.mark.parametrize("lips", [0.0, 0.02])
def test_a_face_at_rest_is_the_photo(spec: MotionSpec, lips: float) -> None:
    ours = puppet(lips)
    torch.testing.assert_close(ours.keypoints(frames(spec)), ours.portrait.keypoints, atol=1e-6, rtol=0)


@pytest.mark.parametrize("settings", [OFF, Settings()], ids=["bare", "stitched"])
def test_head_angles_are_found_again_in_the_keypoints(settings: Settings) -> None:
    asked = np.random.default_rng(0).uniform(-1, 1, (200, 3)) * (30, 20, 20)
    ours = puppet(settings=settings)
    still = correctors()
    if settings.stitching:  # a network that has learned to hold: it hardly moves anything
        for weight in (still.stitching.mlp[-1].weight, still.stitching.mlp[-1].bias):  # type: ignore[union-attr]
            weight.mul_(1e-3)
        ours = puppet(settings=settings, networks=still)
    driven = ours.keypoints(frames(head_yaw=asked[:, 0], head_pitch=asked[:, 1], head_roll=asked[:, 2]))
    source = recovered_angles(ours, ours.portrait.keypoints)
    errors = np.abs(recovered_angles(ours, driven) - source - asked)
    assert errors.mean() < 0.1


def test_the_nose_goes_where_the_vocabulary_says() -> None:
    ours = puppet(settings=OFF)
    motion = ours.portrait.motion
    upright = motion._replace(
        kp=torch.tensor([[[0.0, 0.0, -0.5]] * 21]), rotation=torch.eye(3)[None], exp=torch.zeros(1, 21, 3)
    )
    ours = Puppet(replace(ours.portrait, motion=upright), LIPS_PER_JAW, correctors(), OFF)
    rest = ours.portrait.keypoints[0, 0]
    to_the_persons_left = ours.keypoints(frames(head_yaw=20))[0, 0] - rest
    upwards = ours.keypoints(frames(head_pitch=15))[0, 0] - rest
    assert to_the_persons_left[0] > 0.1  # the nose goes right in the picture
    assert upwards[1] < -0.1  # and up
    turned = motion.scale[0] * torch.from_numpy(head_rotation(20, 0, 0) @ (0, 0, -0.5)).float()
    torch.testing.assert_close(to_the_persons_left, turned - motion.scale[0] * torch.tensor([0, 0, -0.5]))


@pytest.mark.parametrize("lips", [0.0, 0.02, 0.3])
def test_lips_open_steadily_from_closed(lips: float) -> None:
    ours = opening(lips)
    way = (ours.keypoints(frames(jaw_open=np.linspace(0, 0.4, 9))) - ours.portrait.keypoints)[:, 0, 1]
    assert (way.diff() > 0).all()
    closed = lips if lips < 0.03 else 0.0
    # An open mouth is closed first; closed lips open from where they are.
    assert way[0] == pytest.approx(0.1 * (closed - lips), abs=1e-6)
    assert way[-1] == pytest.approx(0.1 * (closed + 0.4 * LIPS_PER_JAW - lips), abs=1e-6)


def test_the_photos_own_gap_changes_nothing() -> None:
    ours = puppet(0.3, Settings(stitching=False))
    driven = ours.keypoints(frames(jaw_open=0.3 / LIPS_PER_JAW))
    torch.testing.assert_close(driven, ours.portrait.keypoints, atol=1e-6, rtol=0)


def test_lips_stop_where_the_network_was_trained_to() -> None:
    ours = opening()
    most = ours.keypoints(frames(jaw_open=0.5))[0, 0, 1] - ours.portrait.keypoints[0, 0, 1]
    assert most == pytest.approx(0.08, abs=1e-6)


def test_lids_close_by_the_share_that_is_asked() -> None:
    ours = opening()
    way = (ours.keypoints(frames(eye_blink=[0, 0.5, 1])) - ours.portrait.keypoints)[:, 0, 1]
    np.testing.assert_allclose(way, -0.1 * 0.3 * np.array([0, 0.5, 1]), atol=1e-6)


def test_one_eye_closes_alone() -> None:
    ours = opening()
    x = ours.portrait.keypoints[0, :, 0]
    left, right = ((11, 13), (15, 16)) if x[[11, 13]].mean() <= x[[15, 16]].mean() else ((15, 16), (11, 13))
    way = (ours.keypoints(frames(ARKIT55, eyeBlinkRight=1)) - ours.portrait.keypoints)[0, :, 1]
    np.testing.assert_allclose(way[list(left)], -0.03, atol=1e-6)  # the person's right is on the left
    np.testing.assert_allclose(way[list(right)], 0, atol=1e-6)
    wide = (ours.keypoints(frames(ARKIT55, eyeWideRight=1, eyeWideLeft=1)) - ours.portrait.keypoints)[0, :, 1]
    assert (wide > 0).all()


@pytest.mark.parametrize("name", ["browInnerUp", "mouthSmileLeft", "mouthPucker", "eyeLookUpLeft"])
def test_expressions_are_offsets_of_the_keypoints(name: str) -> None:
    ours = puppet(settings=OFF)
    moved = ours.keypoints(frames(ARKIT55, **{name: 0.5})) - ours.portrait.keypoints
    offsets = 0.5 * expression_offsets(ARKIT55)[ARKIT55.index(name)].view(1, 21, 3)
    torch.testing.assert_close(moved, ours.portrait.motion.scale[..., None] * offsets, atol=1e-6, rtol=0)


def test_both_vocabularies_open_the_jaw_alike() -> None:
    ours = opening()
    rich = ours.keypoints(frames(ARKIT55, jawOpen=0.5))
    plain = ours.keypoints(frames(jaw_open=0.53 * 0.5))
    torch.testing.assert_close(rich, plain, atol=1e-5, rtol=0)


def test_settings_are_factors() -> None:
    asked = frames(jaw_open=0.3, eye_blink=1)
    full = opening().keypoints(asked) - opening().portrait.keypoints
    half = opening(motion=0.5).keypoints(asked) - opening().portrait.keypoints
    torch.testing.assert_close(half, full / 2)
    neither = opening(eyes=0, lips=0)
    torch.testing.assert_close(neither.keypoints(asked), neither.portrait.keypoints, atol=1e-6, rtol=0)


def test_a_batch_is_its_frames_and_values_are_clamped() -> None:
    ours = puppet()
    asked = frames(jaw_open=[0.1, 0.4], head_yaw=[-10, 80], eye_blink=[0, 3])
    alone = torch.cat([ours.keypoints(frame[None]) for frame in asked])
    torch.testing.assert_close(ours.keypoints(asked), alone)
    torch.testing.assert_close(alone[1:], ours.keypoints(frames(jaw_open=0.4, head_yaw=30, eye_blink=1)))


def test_what_is_missing_is_said() -> None:
    with pytest.raises(RenderError, match="the lids needs openings of the portrait"):
        Puppet(Portrait(portrait().motion), LIPS_PER_JAW, correctors(), Settings())
    with pytest.raises(RenderError, match="the jaw needs the retargeting networks"):
        puppet(networks=correctors()._replace(lip=None))
    with pytest.raises(RenderError, match=r"motion frames of shape \(1, 9\) can't be rendered, expected 7 of core7"):
        puppet().keypoints(torch.zeros(1, 9))
