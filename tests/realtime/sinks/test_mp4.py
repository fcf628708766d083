"""What a file holds is on the timeline, whatever was dropped and interrupted."""

from pathlib import Path

import av
import pytest

from src.realtime.sinks.mp4 import Mp4Sink
from tests.realtime.sinks.frames import LAYOUT, STEP, frame


def sink(path: Path) -> Mp4Sink:
    return Mp4Sink(path=path, preset="ultrafast", crf=20, threads=1)


def times_s(path: Path) -> list[float]:
    with av.open(str(path)) as file:
        return [picture.time for picture in file.decode(video=0)]


def sound_s(path: Path) -> float:
    with av.open(str(path)) as file:
        return float(file.streams.audio[0].duration * file.streams.audio[0].time_base)


def test_presentation_times_survive_a_dropped_frame(tmp_path: Path) -> None:
    with sink(tmp_path / "talking.mp4").open(LAYOUT) as output:
        for index, num_samples in ((0, STEP), (1, STEP), (4, 3 * STEP), (5, STEP)):
            assert output.show(frame(index, num_samples=num_samples))
    assert times_s(tmp_path / "talking.mp4") == pytest.approx([0.0, 0.04, 0.16, 0.20], abs=1e-3)
    assert sound_s(tmp_path / "talking.mp4") == pytest.approx(0.24, abs=0.07)


def test_times_go_on_after_an_interruption(tmp_path: Path) -> None:
    with sink(tmp_path / "talking.mp4").open(LAYOUT) as output:
        for index in range(3):
            output.show(frame(index))
        output.flush()
        for index in range(3, 6):
            output.show(frame(index, turn=1))
    assert times_s(tmp_path / "talking.mp4") == pytest.approx([index / 25 for index in range(6)], abs=1e-3)


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="lost"), sink(tmp_path / "talking.mp4").open(LAYOUT) as output:
        output.show(frame(0))
        raise RuntimeError("lost")
    assert list(tmp_path.iterdir()) == []
