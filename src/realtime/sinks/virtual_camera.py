"""A camera that video calls can choose, and a loudspeaker for its sound.

A virtual camera has no sound. `sound=true` plays it on an output; name a virtual cable there (VB-Cable, BlackHole, a
null sink of PulseAudio or PipeWire) and choose its other end as microphone in the call.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError
from src.realtime.frame import Layout
from src.realtime.sinks.player import Player
from src.realtime.sinks.speaker import opened_speaker

SILENT = "send pictures alone: sink.sound=false"
_BACKENDS = {
    "linux": "Linux makes cameras with the kernel module v4l2loopback: `sudo apt-get install v4l2loopback-dkms`, then "
    "`sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label=Audio2Motion`",
    "darwin": "macOS needs OBS 30 or later (https://obsproject.com): install it, click Start Virtual Camera once and "
    "then stop it",
    "win32": "Windows needs OBS (https://obsproject.com) or Unity Capture: install one and start its camera once",
}


class VirtualCameraSink:
    """Sends pictures to a virtual camera when their sound is heard."""

    def __init__(self, *, camera: str | None, sound: bool, device: int | str | None, latency: float | str) -> None:
        """See the class.

        Args:
            camera: such as `/dev/video10` or `OBS Virtual Camera`; null is the first one.
            sound: plays the sound as well.
            device: number or part of the name of the sound output; null is the system's own.
            latency: of the sound output: `low`, `high` or seconds.
        """
        self._camera, self._sound, self._device, self._latency = camera, sound, device, latency

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Player]:
        """See `Sink.open`.

        Raises:
            StreamError: there is no virtual camera, or no sound output.
        """
        with ExitStack() as stack:
            camera = stack.enter_context(self._opened(layout))

            def send(image: NDArray[np.uint8]) -> bool:
                try:
                    camera.send(np.ascontiguousarray(image))
                except RuntimeError as error:
                    raise StreamError(
                        f"the virtual camera {camera.device!r} takes no more pictures ({error}). Start it again."
                    ) from error
                return True

            speaker = None
            if self._sound:
                speaker = stack.enter_context(opened_speaker(self._device, self._latency, layout, SILENT))
            player = Player(send, speaker, layout.fps)
            yield player
            player.finish()

    def _opened(self, layout: Layout) -> Any:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise StreamError(
                f"a virtual camera needs the package pyvirtualcam ({error}). Install it with "
                '`pip install "audio2motion[devices]"`.'
            ) from error
        try:
            return pyvirtualcam.Camera(layout.width, layout.height, layout.fps, device=self._camera)
        except RuntimeError as error:
            named = "" if self._camera is None else f" {self._camera!r}"
            advice = _BACKENDS.get(sys.platform, "this system has none that is known")
            reasons = " ".join(str(error).split())
            raise StreamError(
                f"no virtual camera{named} can be opened ({reasons}). {advice}. Or write a file with realtime/sink=mp4."
            ) from error
