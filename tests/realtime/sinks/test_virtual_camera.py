"""Pictures reach the camera that calls choose; where there is none, the message says how to get one."""

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.sinks.virtual_camera import VirtualCameraSink
from tests.realtime.sinks.frames import LAYOUT


def sink(camera: str | None = None) -> VirtualCameraSink:
    return VirtualCameraSink(camera=camera, sound=False, device=None, latency="low")


@dataclass
class FakeCamera:
    opened: tuple[Any, ...]
    device: str = "/dev/video10"
    sent: list[np.ndarray] = field(default_factory=list)
    closed: bool = False
    is_gone: bool = False

    def __enter__(self) -> "FakeCamera":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def send(self, image: np.ndarray) -> None:
        if self.is_gone:
            raise RuntimeError("device busy")
        self.sent.append(image)


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> list[FakeCamera]:
    made: list[FakeCamera] = []

    def make(*settings: Any, device: str | None) -> FakeCamera:
        made.append(FakeCamera((*settings, device)))
        return made[-1]

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=make))
    return made


def test_pictures_are_sent_as_they_are(cameras: list[FakeCamera]) -> None:
    image = np.full((64, 64, 3), (200, 30, 90), np.uint8)
    with sink("/dev/video10").open(LAYOUT) as output:
        assert output._show_image(image[:, ::-1])
    (camera,) = cameras
    assert camera.opened == (64, 64, 25.0, "/dev/video10")
    assert camera.closed
    np.testing.assert_array_equal(camera.sent[0], image)
    assert camera.sent[0].flags.c_contiguous


def test_a_camera_that_fails_in_the_middle_says_so(cameras: list[FakeCamera]) -> None:
    with (
        pytest.raises(StreamError, match=r"'/dev/video10' takes no more pictures \(device busy\)"),
        sink().open(LAYOUT) as output,
    ):
        cameras[0].is_gone = True
        output._show_image(np.zeros((64, 64, 3), np.uint8))
    assert cameras[0].closed


@pytest.mark.parametrize(
    ("platform", "advice"),
    [("linux", "sudo modprobe v4l2loopback devices=1"), ("win32", "Windows needs OBS"), ("darwin", "macOS needs OBS")],
)
def test_a_machine_without_a_virtual_camera_says_how_to_get_one(
    platform: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise RuntimeError("'x' backend: no device found.\nSee the documentation.")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=refuses))
    monkeypatch.setattr(sys, "platform", platform)
    with (
        pytest.raises(StreamError, match=rf"no virtual camera can be opened \('x' backend.*{advice}.*sink=mp4"),
        sink().open(LAYOUT),
    ):
        pass


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(StreamError, match=r'pip install "audio2motion\[devices\]"'), sink().open(LAYOUT):
        pass


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks for a device of Linux")
def test_the_real_package_refuses_a_camera_that_is_not_there() -> None:
    pytest.importorskip("pyvirtualcam", reason="virtual cameras are an extra", exc_type=ImportError)
    with (
        pytest.raises(StreamError, match="no virtual camera '/dev/video987' can be opened.*v4l2loopback"),
        sink("/dev/video987").open(LAYOUT),
    ):
        pass
