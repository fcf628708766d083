"""A window shows pictures in their colours, and what can't be opened says why."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.sinks.window import WindowSink
from tests.realtime.sinks.fake_card import FakeLibrary
from tests.realtime.sinks.frames import LAYOUT
from tests.realtime.sinks.screen import screen_pixels, virtual_screen


def sink(*, sound: bool = False) -> WindowSink:
    return WindowSink(title="test", sound=sound, device=None, latency="low")


def test_without_a_display_it_says_so_instead_of_ending_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.realtime.sinks.window.sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with (
        pytest.raises(StreamError, match=r"neither DISPLAY nor WAYLAND_DISPLAY is set.*realtime/sink=mp4"),
        sink().open(LAYOUT),
    ):
        pass


def test_an_opencv_without_windows_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    def refuses(*_: object) -> None:
        raise cv2.error("The function is not implemented. Rebuild the library with GTK+ support")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("src.realtime.sinks.window.cv2.namedWindow", refuses)
    with pytest.raises(StreamError, match="pip install opencv-contrib-python"), sink().open(LAYOUT):
        pass


def test_a_machine_without_sound_says_how_to_see_it_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.realtime.sinks.speaker.sound_library", lambda: FakeLibrary(missing=True))
    with (
        pytest.raises(StreamError, match=r"no sound output.*or show it without sound: sink\.sound=false"),
        sink(sound=True).open(LAYOUT),
    ):
        pass


SHOW = """
import sys, time
import numpy as np
from src.realtime.frame import Frame, Layout
from src.realtime.sinks.window import WindowSink

image = np.full((64, 64, 3), (200, 30, 90), np.uint8)
sink = WindowSink(title="test", sound=False, device=None, latency="low")
with sink.open(Layout(width=64, height=64, fps=25.0, sample_rate_hz=16_000)) as output:
    for index in range(20):
        now_s = time.monotonic()
        assert output.show(Frame(index, index / 25, image, np.zeros(640, np.float32), False, False, now_s, now_s, 0, 0))
    print("shown", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="no virtual display: apt-get install xvfb")
def test_a_window_shows_the_picture_in_its_colours(tmp_path: Path) -> None:
    with virtual_screen(tmp_path) as (environment, dump):
        viewer = subprocess.Popen(
            [sys.executable, "-c", SHOW], env={**os.environ, **environment},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert viewer.stdout is not None
        assert viewer.stdout.readline() == "shown\n"
        pixels = screen_pixels(dump.read_bytes())
        viewer.communicate("")
        assert viewer.returncode == 0
    assert (pixels == np.array((200, 30, 90))).all(axis=-1).sum() >= 60 * 60
