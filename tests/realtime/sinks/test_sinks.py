"""What every sink keeps, whatever it is: it opens, takes frames in order, forgets on demand, leaves nothing behind."""

import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.realtime.frame import Frame, Sink
from src.realtime.sinks import window
from src.realtime.sinks.mkv import MkvSink
from src.realtime.sinks.mp4 import Mp4Sink
from src.realtime.sinks.none import NoSink
from src.realtime.sinks.virtual_camera import VirtualCameraSink
from src.realtime.sinks.window import WindowSink
from tests.realtime.sinks.fake_card import FakeLibrary
from tests.realtime.sinks.frames import LAYOUT, frame
from tests.realtime.sinks.test_virtual_camera import FakeCamera


@pytest.fixture(params=["mp4", "mkv", "none", "window", "window with sound", "camera", "camera with sound"])
def sink(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sink:
    library = FakeLibrary()
    monkeypatch.setattr("src.realtime.sinks.speaker.sound_library", lambda: library)
    monkeypatch.setenv("DISPLAY", ":0")
    for name, answer in {"namedWindow": None, "imshow": None, "destroyWindow": None}.items():
        monkeypatch.setattr(window.cv2, name, lambda *_, answer=answer: answer)
    monkeypatch.setattr(window.cv2, "waitKey", lambda *_: 255)
    monkeypatch.setattr(window.cv2, "getWindowProperty", lambda *_: 1.0)
    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=lambda *_, device: FakeCamera((), device)))
    kind, _, sound = request.param.partition(" with ")
    devices = {"sound": bool(sound), "device": None, "latency": "low"}
    files = {"preset": "ultrafast", "crf": 30, "threads": 1}
    made: dict[str, Sink] = {
        "mp4": Mp4Sink(path=tmp_path / "a.mp4", **files),
        "mkv": MkvSink(path=tmp_path / "a.mkv", **files),
        "none": NoSink(),
        "window": WindowSink(title="test", **devices),
        "camera": VirtualCameraSink(camera=None, **devices),
    }
    return made[kind]


def due_now(index: int, turn: int = 0) -> Frame:
    return frame(index, deadline_s=time.monotonic(), turn=turn)


def test_it_takes_frames_in_order_with_gaps_and_interruptions(sink: Sink) -> None:
    with sink.open(LAYOUT) as output:
        for index in (0, 1, 2, 5):
            assert output.show(due_now(index))
        played_s = output.played_s()
        assert played_s is None or played_s <= 6 / 25
        output.flush()
        for index in (6, 7):
            assert output.show(due_now(index, turn=1))


def test_it_is_closed_without_a_thread_left_and_can_be_opened_again(sink: Sink) -> None:
    before = set(threading.enumerate())
    for _ in range(2):
        with sink.open(LAYOUT) as output:
            output.show(due_now(0))
    assert set(threading.enumerate()) <= before


def test_a_failure_of_the_stream_is_passed_on_and_closes_it(sink: Sink) -> None:
    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="elsewhere"), sink.open(LAYOUT) as output:
        output.show(due_now(0))
        raise RuntimeError("elsewhere")
    assert set(threading.enumerate()) <= before
