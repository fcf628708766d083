"""What sinks write is on the stream's time, and what can't be opened says why."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.frame import Frame, Layout
from src.realtime.sinks import Mp4Sink, WindowSink

LAYOUT = Layout(width=64, height=64, fps=25.0, sample_rate_hz=16_000)


def frame(index: int, num_samples: int = 640) -> Frame:
    image = np.full((64, 64, 3), 40 + 5 * index, np.uint8)
    audio = (0.3 * np.sin(np.arange(num_samples) / 8)).astype(np.float32)
    return Frame(index, index / 25.0, image, audio, False, False, deadline_s=0.0, arrival_s=0.0, num_ended=0, turn=0)


def sink(path: Path) -> Mp4Sink:
    return Mp4Sink(path=path, preset="ultrafast", crf=20, threads=1)


def test_an_mp4_keeps_presentation_times_over_a_dropped_frame(tmp_path: Path) -> None:
    with sink(tmp_path / "talking.mp4").open(LAYOUT) as output:
        for index, num_samples in ((0, 640), (1, 640), (4, 3 * 640), (5, 640)):
            assert output.show(frame(index, num_samples))
    with av.open(str(tmp_path / "talking.mp4")) as file:
        times = [picture.time for picture in file.decode(video=0)]
    assert times == pytest.approx([0.0, 0.04, 0.16, 0.20], abs=1e-3)
    with av.open(str(tmp_path / "talking.mp4")) as file:
        assert float(file.streams.audio[0].duration * file.streams.audio[0].time_base) == pytest.approx(0.24, abs=0.07)


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="lost"), sink(tmp_path / "talking.mp4").open(LAYOUT) as output:
        output.show(frame(0))
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


SHOW = """
import sys
import numpy as np
from src.realtime.frame import Frame, Layout
from src.realtime.sinks import WindowSink

image = np.full((64, 64, 3), (200, 30, 90), np.uint8)
with WindowSink(title="test").open(Layout(width=64, height=64, fps=25.0, sample_rate_hz=16_000)) as output:
    for index in range(20):
        assert output.show(Frame(index, index / 25.0, image, np.zeros(640, np.float32), False, False, 0.0, 0.0, 0, 0))
    print("shown", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="no virtual display: apt-get install xvfb")
def test_a_window_shows_the_picture_in_its_colours(tmp_path: Path) -> None:
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "320x240x24", "-fbdir", str(tmp_path)],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as number:
            display = f":{number.readline().strip()}"
        viewer = subprocess.Popen(
            [sys.executable, "-c", SHOW], env={**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert viewer.stdout is not None
        assert viewer.stdout.readline() == "shown\n"
        pixels = screen_pixels((tmp_path / "Xvfb_screen0").read_bytes())
        viewer.communicate("")
        assert viewer.returncode == 0
    finally:
        server.terminate()
        server.wait()
    assert (pixels == (200, 30, 90)).all(axis=-1).sum() >= 60 * 60


def screen_pixels(dump: bytes) -> np.ndarray:
    """(H, W, 3) RGB of an X window dump of 24 bits."""
    fields = np.frombuffer(dump[:100], ">u4")
    header, width, height, stride, colours = fields[0], fields[4], fields[5], fields[12], fields[19]
    begin = int(header + 12 * colours)
    rows = np.frombuffer(dump, np.uint8, int(stride * height), begin).reshape(height, stride // 4, 4)
    return rows[:, :width, 2::-1]
