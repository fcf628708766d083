"""What sinks write is on the stream's time, and what can't be opened says why."""

from pathlib import Path

import av
import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.session import Frame
from src.realtime.sinks import Layout, Mp4Sink, WindowSink

LAYOUT = Layout(width=64, height=64, fps=25.0, sample_rate_hz=16_000)


def frame(index: int, num_samples: int = 640) -> Frame:
    image = np.full((64, 64, 3), 40 + 5 * index, np.uint8)
    audio = (0.3 * np.sin(np.arange(num_samples) / 8)).astype(np.float32)
    return Frame(index, index / 25.0, image, audio, held=False, deadline_s=0.0, arrival_s=0.0)


def sink(path: Path) -> Mp4Sink:
    return Mp4Sink(path=path, preset="ultrafast", crf=20, threads=1)


def test_an_mp4_keeps_presentation_times_over_a_dropped_frame(tmp_path: Path) -> None:
    with sink(tmp_path / "talking.mp4").open(LAYOUT) as write:
        for index, num_samples in ((0, 640), (1, 640), (4, 3 * 640), (5, 640)):
            assert write(frame(index, num_samples))
    with av.open(str(tmp_path / "talking.mp4")) as file:
        times = [picture.time for picture in file.decode(video=0)]
    assert times == pytest.approx([0.0, 0.04, 0.16, 0.20], abs=1e-3)
    with av.open(str(tmp_path / "talking.mp4")) as file:
        assert float(file.streams.audio[0].duration * file.streams.audio[0].time_base) == pytest.approx(0.24, abs=0.07)


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="lost"), sink(tmp_path / "talking.mp4").open(LAYOUT) as write:
        write(frame(0))
        raise RuntimeError("lost")
    assert list(tmp_path.iterdir()) == []


def test_a_window_without_a_display_says_so_instead_of_ending_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.realtime.sinks.sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with (
        pytest.raises(StreamError, match=r"neither DISPLAY nor WAYLAND_DISPLAY is set.*realtime/sink=mp4"),
        WindowSink(title="test").open(LAYOUT),
    ):
        pass


def test_an_opencv_without_windows_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    def refuses(*_: object) -> None:
        raise cv2.error("The function is not implemented. Rebuild the library with GTK+ support")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("src.realtime.sinks.cv2.namedWindow", refuses)
    with pytest.raises(StreamError, match="pip install opencv-contrib-python"), WindowSink(title="test").open(LAYOUT):
        pass
