"""MKV files: in sync as MP4 files are, and playable as far as they got."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from src.render.mkv import MkvWriter

RATE, FPS, STEP = 16_000, 25, 640
WIDTH, HEIGHT = 64, 48


def write(path: Path, frames: int = 25, flash: int = 10) -> None:
    """A click and a white frame at the same time."""
    samples = np.zeros(frames * STEP, np.float32)
    samples[flash * STEP : flash * STEP + 80] = 0.8 * np.sin(np.arange(80) * 0.8)
    with MkvWriter(path, width=WIDTH, height=HEIGHT, fps=FPS, sample_rate_hz=RATE) as writer:
        for index in range(frames):
            writer.add_image(np.full((HEIGHT, WIDTH, 3), 250 if index == flash else 20, np.uint8), index / FPS)
            writer.add_audio(samples[index * STEP : (index + 1) * STEP])


def times_s(path: Path) -> list[float]:
    with av.open(str(path)) as file:
        return [frame.time for frame in file.decode(video=0)]


def test_sound_and_picture_are_in_sync_when_read_back(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv")
    assert times_s(tmp_path / "a.mkv") == pytest.approx([index / FPS for index in range(25)], abs=1e-3)
    with av.open(str(tmp_path / "a.mkv")) as file:
        assert (file.format.name, file.streams.video[0].codec_context.name) == ("matroska,webm", "h264")
        (flash_s,) = [f.time for f in file.decode(video=0) if f.to_ndarray(format="gray").mean() > 150]
    with av.open(str(tmp_path / "a.mkv")) as file:
        heard = list(file.decode(audio=0))
    sound = np.concatenate([frame.to_ndarray()[0] for frame in heard])
    click_s = heard[0].time + float(np.argmax(np.abs(sound) > 0.3)) / RATE
    assert flash_s == pytest.approx(0.4, abs=1e-3)
    assert click_s == pytest.approx(0.4, abs=0.002)


def test_two_identical_writes_give_identical_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv")
    write(tmp_path / "b.mkv")
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_a_block_that_raises_leaves_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.mkv"
    with (
        pytest.raises(ZeroDivisionError),
        MkvWriter(path, width=WIDTH, height=HEIGHT, fps=FPS, sample_rate_hz=None) as writer,
    ):
        for index in range(10):
            writer.add_image(np.zeros((HEIGHT, WIDTH, 3), np.uint8), index / FPS)
        raise ZeroDivisionError
    assert len(times_s(path)) == 10
    assert [file.name for file in path.parent.iterdir()] == ["a.mkv"]


KILLED = """
import sys
import numpy as np
from src.render.mkv import MkvWriter

with MkvWriter(sys.argv[1], width=64, height=48, fps=25, sample_rate_hz=16_000, preset="ultrafast") as writer:
    for index in range(75):
        writer.add_image(np.full((48, 64, 3), index, np.uint8), index / 25)
        writer.add_audio(np.zeros(640, np.float32))
    print("written", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_leaves_a_file_that_lacks_less_than_a_second(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "written\n"
    writer.kill()
    writer.communicate()
    shown_s = times_s(path)
    assert shown_s == pytest.approx([index / FPS for index in range(len(shown_s))], abs=1e-3)
    assert shown_s[-1] > 2.0
    with av.open(str(path)) as file:
        assert [frame.time for frame in file.decode(audio=0)][-1] > 2.0
