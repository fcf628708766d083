"""`render=liveportrait` in the scripts, on small networks with random weights."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

import scripts.contact_sheets
import scripts.render
from scripts.avatar_settings import log_taken
from scripts.entry import repairable
from src.errors import ConfigError
from src.render.avatar_schema import Details
from src.render.avatar_settings import LivePortraitSettings, RendererSettings
from src.render.liveportrait.template import write_template
from tests.render.liveportrait.motions import template
from tests.render.liveportrait.small_networks import DRIVEN, one_thread
from tests.scripts.test_realtime import composed, realtime
from tests.scripts.test_render import motion_file

SMALLER = DRIVEN | {
    "appearance_feature_extractor.num_down_blocks": 3,  # faces of 256 pixels
    "warping_module.dense_motion_network.num_blocks": 2,
    "warping_module.dense_motion_network.max_features": 8,
    "spade_generator.width": 4,
    "spade_generator.out_width": 4,
    "spade_generator.hidden_channels": 4,
}
SMALL = [
    "render=liveportrait",
    "render.engine.weights=null",
    *(f"render.engine.networks.{key}={value}" for key, value in SMALLER.items()),
]


@pytest.fixture(autouse=True)
def single_threaded() -> Iterator[None]:
    with one_thread():
        yield


def render(inputs: Path, motion: Path, out: Path, *more: str) -> int:
    """Run the script, and count the pictures of its video."""
    given = (f"avatar='{inputs / 'avatar'}'", f"motion='{motion}'", f"out='{out}'", "render.size=256")
    scripts.render.main(composed("render", *given, *more))
    with av.open(str(out)) as video:
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert all(picture.shape == (256, 256, 3) for picture in pictures)
    return len(pictures)


def test_motion_becomes_a_video(inputs: Path, tmp_path: Path) -> None:
    assert render(inputs, motion_file(tmp_path), tmp_path / "video.mp4", *SMALL) == 5


@pytest.mark.parametrize("options", [[], ["render.animation.relative=false", "render.animation.region=pose"]])
def test_a_template_becomes_a_video(inputs: Path, tmp_path: Path, options: list[str]) -> None:
    write_template(tmp_path / "driver.npz", template(3))
    assert render(inputs, tmp_path / "driver.npz", tmp_path / "video.mp4", *SMALL, *options) == 3


def test_an_official_template_becomes_a_video(inputs: Path, tmp_path: Path) -> None:
    driver = template(4)
    frames = [
        {"R": driver.rotation[i : i + 1], "exp": driver.exp[i : i + 1], "scale": driver.scale[i : i + 1],
         "t": driver.t[i : i + 1]}
        for i in range(4)
    ]  # fmt: skip
    content = {"n_frames": 4, "output_fps": 50, "motion": frames}
    (tmp_path / "driver.pkl").write_bytes(pickle.dumps(content, protocol=4))
    assert render(inputs, tmp_path / "driver.pkl", tmp_path / "video.mp4", *SMALL) == 2


def test_the_mesh_follows_no_template(inputs: Path, tmp_path: Path) -> None:
    write_template(tmp_path / "driver.npz", template(2))
    with pytest.raises(ConfigError, match="this renderer doesn't have. Set render=liveportrait"):
        render(inputs, tmp_path / "driver.npz", tmp_path / "video.mp4")


def test_missing_weights_are_named_with_where_to_get_them(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="spade_generator") as caught:
        render(
            inputs, motion_file(tmp_path), tmp_path / "video.mp4", *SMALL, f"render.engine.weights='{tmp_path / 'no'}'"
        )
    said = repairable(caught.value)
    assert said is not None
    for part in ("spade_generator.pth (212 MB)", "warping_module.pth (174 MB)", "huggingface.co/KwaiVGI/LivePortrait"):
        assert part in said


def test_a_machine_that_is_too_slow_says_so_and_goes_on_if_allowed(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("src.realtime.animator.drawn_per_second", lambda *_: 1.5)
    slow = "this machine draws 1.5 pictures a second with this renderer, live speech needs 25."
    with pytest.raises(ConfigError, match=f"{slow} Use a GPU .* render=mesh, which needs no GPU. allow_slow=true"):
        realtime(inputs, tmp_path / "refused")
    assert not (tmp_path / "refused" / "talking.mp4").exists()
    report = realtime(inputs, tmp_path / "out", "allow_slow=true")
    assert (report["clock"], report["frames"], report["dropped"]) == ("virtual", 25, 0)
    assert report["drawn_per_second"] == 1.5
    assert slow in caplog.text


def test_it_speaks(inputs: Path, tmp_path: Path) -> None:
    report = realtime(inputs, tmp_path / "out", *SMALL, "clock=virtual", "render.size=64", "num_threads=1")
    assert (report["frames"], report["dropped"]) == (25, 0)
    assert report["drawn_per_second"] > 0


@pytest.mark.slow
def test_every_channel_can_be_looked_at(inputs: Path, tmp_path: Path) -> None:
    given = [f"avatar='{inputs / 'avatar'}'", f"out='{tmp_path}'", "render.size=64", "steps=2", "width=64"]
    scripts.contact_sheets.main(composed("contact_sheets", *given, *SMALL))
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["arkit55", "core7"]
    assert np.all([path.stat().st_size > 0 for path in tmp_path.iterdir()])


def test_what_the_package_decides_is_told(caplog: pytest.LogCaptureFixture) -> None:
    own = RendererSettings(liveportrait=LivePortraitSettings(motion=0.5, lips=1.5))
    config = composed("render", "avatar=a", "motion=b", "out=c", "render=liveportrait", "render.settings.lips=1")
    with caplog.at_level("INFO"):
        assert log_taken(config, Details(renderers=own)) == ["motion 0.5"]
    assert "from the avatar's package: motion 0.5" in caplog.text


def test_the_head_of_a_photo_and_a_network_for_large_faces_can_be_asked_for() -> None:
    given = ("avatar=a", "motion=b", "out=c")
    photo = composed("render", *given, "render=liveportrait_photo").render
    assert (photo.inner._target_.rpartition(".")[2], photo.inner.size) == ("LivePortraitRenderer", 768)
    larger = composed("render", *given, "render=liveportrait", "render/super_resolution=onnx").render
    assert larger.super_resolution._target_.rpartition(".")[2] == "OnnxSuperResolution"
    assert composed("render", *given, "render=liveportrait").render.super_resolution is None
