"""MP4 files: in sync, repeatable, never half there."""

from pathlib import Path

import av
import numpy as np
import pytest

from src.errors import RenderError
from src.render.mp4 import Mp4Writer

RATE = 16_000
FPS = 25
WIDTH, HEIGHT = 64, 48


def write(path: Path, *, flash: int = 10, frames: int = 25, sound: bool = True, chunk: int = 640) -> None:
    """A click and a white frame at the same time, frame `flash`."""
    samples = np.zeros(frames * RATE // FPS, np.float32)
    start = flash * RATE // FPS
    samples[start : start + 80] = 0.8 * np.sin(np.arange(80) * 0.8)
    ramp = np.linspace(0, 60, WIDTH * HEIGHT * 3).reshape(HEIGHT, WIDTH, 3).astype(np.uint8)
    with Mp4Writer(path, width=WIDTH, height=HEIGHT, fps=FPS, sample_rate_hz=RATE if sound else None) as writer:
        for index in range(frames):
            writer.add_image(np.full_like(ramp, 250) if index == flash else np.roll(ramp, index, axis=1), index / FPS)
        if sound:
            for begin in range(0, len(samples), chunk):
                writer.add_audio(samples[begin : begin + chunk])


def click_s(path: Path) -> float:
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return frames[0].time + float(np.argmax(np.abs(samples) > 0.3)) / frames[0].sample_rate


def flashes_s(path: Path) -> list[float]:
    with av.open(str(path)) as file:
        return [frame.time for frame in file.decode(video=0) if frame.to_ndarray(format="gray").mean() > 200]


@pytest.mark.parametrize("chunk", [160, 640, 1023, 16_000])
def test_sound_and_picture_are_in_sync_when_read_back(tmp_path: Path, chunk: int) -> None:
    write(tmp_path / "a.mp4", chunk=chunk)
    assert flashes_s(tmp_path / "a.mp4") == [10 / FPS]
    assert abs(click_s(tmp_path / "a.mp4") - 10 / FPS) < 0.001


def test_the_file_is_what_players_expect(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt, audio.codec_context.name) == ("h264", "yuv420p", "aac")
        assert (video.width, video.height, video.frames, video.average_rate) == (WIDTH, HEIGHT, 25, FPS)
        assert audio.rate == RATE
        assert float(video.duration * video.time_base) == pytest.approx(1.0)
        assert float(audio.duration * audio.time_base) == pytest.approx(1.0, abs=0.07)
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_images_are_shown_at_the_times_they_were_given(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.2, 0.21, 1.0]
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with Mp4Writer(tmp_path / "a.mp4", width=WIDTH, height=HEIGHT, fps=FPS, sample_rate_hz=None) as writer:
        for time_s in times:
            writer.add_image(image, time_s)
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert [frame.time for frame in file.decode(video=0)] == pytest.approx(times, abs=1e-4)


def test_colours_survive(tmp_path: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = 200, 60, 90
    with Mp4Writer(tmp_path / "a.mp4", width=WIDTH, height=HEIGHT, fps=FPS, sample_rate_hz=None) as writer:
        writer.add_image(image, 0.0)
    with av.open(str(tmp_path / "a.mp4")) as file:
        shown = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(shown.astype(int) - image).max() <= 4


def test_two_identical_writes_give_identical_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4")
    write(tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_file_without_sound_has_one_stream(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", sound=False)
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert [stream.type for stream in file.streams] == ["video"]


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("old")
    with (
        pytest.raises(ZeroDivisionError),
        Mp4Writer(path, width=WIDTH, height=HEIGHT, fps=FPS, sample_rate_hz=RATE) as writer,
    ):
        writer.add_image(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 0.0)
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_a_file_without_images_is_refused_and_not_written(tmp_path: Path) -> None:
    with (
        pytest.raises(RenderError, match="no image was added"),
        Mp4Writer(tmp_path / "a.mp4", width=WIDTH, height=HEIGHT, fps=FPS, sample_rate_hz=None),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("width", "height"), [(63, 48), (64, 47), (0, 48)])
def test_odd_sizes_are_refused(tmp_path: Path, width: int, height: int) -> None:
    with pytest.raises(RenderError, match=rf"images of {width}x{height} pixels can't be written"):
        Mp4Writer(tmp_path / "a.mp4", width=width, height=height, fps=FPS, sample_rate_hz=None)


def test_an_unknown_preset_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="the encoder refused to start"):
        Mp4Writer(tmp_path / "a.mp4", width=64, height=48, fps=FPS, sample_rate_hz=None, preset="warp").__enter__()
    assert not list(tmp_path.iterdir())


def test_wrong_images_and_times_are_refused(tmp_path: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with Mp4Writer(tmp_path / "a.mp4", width=WIDTH, height=HEIGHT, fps=FPS, sample_rate_hz=None) as writer:
        with pytest.raises(RenderError, match=r"got an image of shape \(48, 64\)"):
            writer.add_image(image[..., 0], 0.0)
        with pytest.raises(RenderError, match="MP4 holds no transparency: write a .webm or .mov"):
            writer.add_image(np.dstack([image, image[..., 0]]), 0.0)
        with pytest.raises(RenderError, match="image time -0.0400 s"):
            writer.add_image(image, -0.04)
        writer.add_image(image, 0.0)
        with pytest.raises(RenderError, match=r"image time 0.0000 s is not after the previous one \(0.0000 s\)"):
            writer.add_image(image, 0.0)
        with pytest.raises(RenderError, match="does not fit a file opened with sample rate None"):
            writer.add_audio(np.zeros(10, np.float32))
