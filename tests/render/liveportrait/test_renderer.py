"""The renderer keeps the contract, on small networks that draw nothing like a face."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from src.errors import ConfigError, RenderError
from src.motion import ARKIT55, CORE7
from src.render.avatar import Avatar
from src.render.avatar_schema import Details
from src.render.avatar_settings import LivePortraitSettings, RendererSettings
from src.render.liveportrait.engine import EagerEngine
from src.render.liveportrait.renderer import LivePortraitRenderer
from src.render.photo import PhotoRenderer
from tests.render.liveportrait.motions import template
from tests.render.portraits import drawn_avatar

pytestmark = pytest.mark.usefixtures("single_threaded")

Build = Callable[..., LivePortraitRenderer]


@pytest.fixture
def build(eager: EagerEngine) -> Build:
    def made(
        size: int = 256, animation: dict[str, Any] | None = None, larger: Any = None, **settings: Any
    ) -> LivePortraitRenderer:
        return LivePortraitRenderer(
            size=size, engine=eager, settings=settings, animation=animation or {}, super_resolution=larger
        )

    return made


def packaged(avatar: Avatar, **values: Any) -> Avatar:
    own = RendererSettings(liveportrait=LivePortraitSettings(**values))
    return replace(avatar, details=Details(renderers=own))


def frame(**values: float) -> np.ndarray:
    frame = CORE7.neutral.copy()
    for name, value in values.items():
        frame[CORE7.index(name)] = value
    return frame


def test_a_frame_is_a_picture_in_which_only_the_crop_changes(build: Build) -> None:
    renderer, avatar = build(), drawn_avatar()
    state = renderer.prepare(avatar)
    still, moved = renderer.render(state, frame()), renderer.render(state, frame(head_yaw=20, jaw_open=0.3))
    assert still.shape == moved.shape == (renderer.height, renderer.width, renderer.channels) == (256, 256, 3)
    assert still.dtype == np.uint8
    assert (still != moved).any()
    assert state.paste is not None
    outside = state.paste.mask == 0
    np.testing.assert_array_equal(still[outside], avatar.image[outside])
    still[:] = 0  # the caller owns it
    np.testing.assert_array_equal(renderer.render(state, frame(head_yaw=20, jaw_open=0.3)), moved)


@pytest.mark.parametrize("spec", [CORE7, ARKIT55], ids=["core7", "arkit55"])
def test_a_batch_of_frames_is_its_frames(build: Build, spec: Any) -> None:
    renderer = build()
    state = renderer.prepare(drawn_avatar())
    frames = np.random.default_rng(0).uniform(spec.minimum, spec.maximum, (2, spec.size)).astype(np.float32)
    drawn = renderer.render_batch(state, frames)
    assert drawn.shape == (2, 256, 256, 3)
    for picture, alone in zip(drawn, frames, strict=True):
        assert np.abs(picture.astype(int) - renderer.render(state, alone)).max() <= 1


@pytest.mark.parametrize("size", [128, 512, 1080])
@pytest.mark.parametrize("paste_back", [True, False])
def test_pictures_have_the_size_that_is_asked(build: Build, size: int, paste_back: bool) -> None:
    renderer = build(size, paste_back=paste_back)
    state = renderer.prepare(drawn_avatar())
    assert renderer.render(state, frame(eye_blink=1)).shape == (size, size, 3)
    assert (state.paste is not None) == paste_back


def test_without_stitching_nothing_is_pasted(build: Build) -> None:
    assert build(stitching=False).prepare(drawn_avatar()).paste is None


def test_the_package_decides_where_the_command_line_does_not(build: Build) -> None:
    avatar = packaged(drawn_avatar(), motion=0.5, lip_threshold=0.2, crop_scale=1.8)
    settings = build(motion=2.0, lips=None).prepare(avatar).settings
    assert (settings.motion, settings.lip_threshold, settings.crop_scale, settings.lips) == (2.0, 0.2, 1.8, 1.0)


def test_an_open_mouth_is_closed_at_rest(build: Build) -> None:
    renderer = build(stitching=False)
    for gap, at_rest in ((0.0, True), (12.0, False)):
        puppet = renderer.prepare(drawn_avatar(gap)).puppet
        driven = puppet.keypoints(torch.zeros(1, 7))
        assert bool((driven - puppet.portrait.keypoints).abs().max() < 1e-6) == at_rest


@pytest.mark.parametrize("relative", [True, False])
def test_a_template_is_followed_in_any_order(build: Build, relative: bool) -> None:
    renderer = build(animation={"relative": relative})
    state = renderer.prepare(drawn_avatar())
    driver = template(3)
    forwards, backwards = renderer.follow(state, driver), renderer.follow(state, driver)
    one, two = forwards(1), forwards(2)
    np.testing.assert_array_equal(backwards(2), two)
    np.testing.assert_array_equal(backwards(1), one)
    assert one.shape == (256, 256, 3)
    assert (one != two).any()


def test_it_draws_the_head_of_a_photo(build: Build, tmp_path: Path) -> None:
    avatar = drawn_avatar()
    photo = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), photo[..., ::-1])
    source = hashlib.sha256(np.ascontiguousarray(photo).tobytes()).hexdigest()
    avatar = replace(avatar, crop=(40, 20, 256), source_sha256=source)
    renderer = PhotoRenderer(inner=build(), photo=path)
    drawn = renderer.render(renderer.prepare(avatar), frame(head_roll=10))
    assert drawn.shape == (300, 400, 3)
    np.testing.assert_array_equal(drawn[:, :40], photo[:, :40])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full(7, np.nan), "motion frame with NaN or infinity can't be rendered"),
        (np.zeros(9), r"motion frames of shape \(1, 9\) can't be rendered, expected 7 of core7 or 55 of arkit55"),
        (np.zeros((2, 7)), "can't be rendered, expected 7 of core7 or 55 of arkit55"),
    ],
)
def test_odd_frames_are_refused(build: Build, bad: np.ndarray, message: str) -> None:
    renderer = build()
    with pytest.raises(RenderError, match=message):
        renderer.render(renderer.prepare(drawn_avatar()), bad)


def test_odd_settings_are_refused(build: Build) -> None:
    with pytest.raises(RenderError, match="size 7, expected an even number"):
        build(7)
    with pytest.raises(ConfigError, match=r"render.settings: motion: Input should be less than or equal to 2"):
        build(motion=5)
    with pytest.raises(ConfigError, match=r"render.settings: nose: Extra inputs are not permitted"):
        build(nose=1)


def test_a_face_beside_the_picture_is_refused(build: Build) -> None:
    avatar = drawn_avatar()
    with pytest.raises(RenderError, match="the crop lies outside of the picture"):
        build().prepare(replace(avatar, landmarks=avatar.landmarks + np.float32([2000, 0, 0])))


def test_the_networks_see_no_black_beyond_the_picture(build: Build, eager: EagerEngine) -> None:
    avatar = drawn_avatar()
    bright = replace(avatar, image=np.full_like(avatar.image, 200))
    seen = []

    class Watching:
        device, correctors = eager.device, eager.correctors
        motion, prepare, draw = eager.motion, eager.prepare, eager.draw

        def appearance(self, image: torch.Tensor) -> torch.Tensor:
            seen.append(image)
            return eager.appearance(image)

    LivePortraitRenderer(
        size=256, engine=Watching(), settings={"crop_scale": 5.0}, animation={}, super_resolution=None
    ).prepare(bright)
    assert seen[0].min() > 0.75


def test_large_faces_are_enlarged_by_the_network_that_is_given(build: Build) -> None:
    asked = []

    def white(face: np.ndarray) -> np.ndarray:
        asked.append(face.shape)
        return np.full((2048, 2048, 3), 255, np.uint8)

    for size in (128, 1080):
        renderer = build(size, larger=white, paste_back=False)
        drawn = renderer.render(renderer.prepare(drawn_avatar()), frame())
        assert (drawn.min() == 255) == (size == 1080)
    assert asked == [(512, 512, 3)]
