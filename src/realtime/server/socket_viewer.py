"""The fallback: pictures and sound in small messages over the WebSocket, played by the page on its audio clock.

A message, little-endian: a head of 32 bytes, (s,) 16-bit mono samples, a JPEG picture or nothing.

| bytes | head |
|---|---|
| 0-3 | turn of the session |
| 4-7 | number of samples s |
| 8-15 | float64, time in seconds of the first sample on the timeline |
| 16-23 | float64, time of the picture |
| 24-27 | sample rate in Hz |
| 28-31 | 0 |

The page says which second it received last. When that stays behind, the line is too slow: pictures are left out and
counted, sound goes on; when even sound is `GIVE_UP_S` behind, the viewer is told to come back on a better line.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from src.realtime.frame import Frame, Layout
from src.realtime.server.outbox import Outbox
from src.realtime.server.viewer import Sent

HEAD = struct.Struct("<IIddII")
OUTBOX_FRAMES = 3
LAG_S = 0.6
"""With more than this on its way no pictures are sent: a round trip around the world and one repeated packet."""
GIVE_UP_S = 5.0


class SocketViewer:
    """Sends the frames of a session over a socket.

    Args (of the constructor):
        layout: of the frames.
        jpeg_quality: 0 .. 100.
        send: one message to the page; waits while the line is full.
        give_up: is told why when frames can no longer be sent.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        jpeg_quality: int,
        send: Callable[[bytes], Awaitable[None]],
        give_up: Callable[[str], None],
    ) -> None:
        self._layout, self._quality = layout, jpeg_quality
        self._send, self._give_up = send, give_up
        self._outbox = Outbox(capacity=OUTBOX_FRAMES)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="jpeg")
        self._sent_s = self._received_s = 0.0
        self._num_pictures = self._num_left_out = self._num_bytes = 0
        self._task = asyncio.get_running_loop().create_task(self._send_all())

    @property
    def lag_s(self) -> float:
        """Seconds of the timeline that were sent and not yet received, or could not be sent."""
        waiting_s = self._outbox.num_waiting_samples / self._layout.sample_rate_hz
        return self._sent_s - self._received_s + waiting_s

    def put(self, frame: Frame) -> None:
        """See `Viewer.put`."""
        if not self._sent_s:  # the viewer has come in the middle of the timeline
            self._sent_s = self._received_s = frame.time_s
        self._outbox.put(frame)
        if self.lag_s > GIVE_UP_S:
            self._give_up("The connection is too slow even for sound. Start again on a better one.")

    def flush(self) -> None:
        """See `Viewer.flush`; the page forgets what it has of earlier turns by itself."""
        self._outbox.flush()

    def received(self, time_s: float) -> None:
        """The page has everything up to this second of the timeline."""
        self._received_s = min(max(time_s, self._received_s), self._sent_s)

    def sent(self) -> Sent:
        """See `Viewer.sent`."""
        return Sent(self._num_pictures, self._outbox.num_dropped + self._num_left_out, self._num_bytes)

    async def close(self) -> None:
        """See `Viewer.close`."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            frame = await self._outbox.get()
            with_picture = self.lag_s <= LAG_S
            message = await loop.run_in_executor(self._thread, self._encode, frame, with_picture)
            self._sent_s = frame.time_s
            self._num_pictures += with_picture
            self._num_left_out += not with_picture
            self._num_bytes += len(message)
            await self._send(message)

    def _encode(self, frame: Frame, with_picture: bool) -> bytes:
        layout, num_samples = self._layout, len(frame.audio)
        sound_s = (frame.index + 1) / layout.fps - num_samples / layout.sample_rate_hz
        head = HEAD.pack(frame.turn, num_samples, sound_s, frame.time_s, layout.sample_rate_hz, 0)
        pcm = np.round(np.clip(frame.audio, -1, 1) * 32767).astype("<i2").tobytes()
        if not with_picture:
            return head + pcm
        _, jpeg = cv2.imencode(
            ".jpg", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, self._quality]
        )
        return head + pcm + jpeg.tobytes()
