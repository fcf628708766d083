"""Outgoing tracks of a WebRTC connection: packets that leave when they are due."""

import asyncio
import time
from collections import deque

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.packet import Packet

MOST_PACKETS = 100
"""A track that nobody reads any more keeps no more than this: 2 s of sound."""


class PacedTrack(MediaStreamTrack):
    """Sends each packet at its time.

    Picture and sound of one instant leave at the same instant, so the sender reports of both tracks tell the browser
    the same clock. Full (nobody takes packets for seconds): all that waits goes and is counted.

    Args (of the constructor):
        kind: `audio` or `video`.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._packets: deque[tuple[Packet, float]] = deque()
        self._changed = asyncio.Event()
        self.num_dropped = self.num_sent = self.num_bytes = 0

    def put(self, packet: Packet, due_s: float) -> bool:
        """Append a packet that is due at a time of `time.monotonic`; False when that pushed others out."""
        fits = len(self._packets) < MOST_PACKETS
        if not fits:
            self.num_dropped += len(self._packets)
            self._packets.clear()
        self._packets.append((packet, due_s))
        self._changed.set()
        return fits

    async def recv(self) -> Packet:
        """See `MediaStreamTrack.recv`."""
        while not self._packets:
            if self.readyState != "live":
                raise MediaStreamError
            self._changed.clear()
            await self._changed.wait()
        packet, due_s = self._packets.popleft()
        await asyncio.sleep(max(due_s - time.monotonic(), 0))
        self.num_sent += 1
        self.num_bytes += packet.size
        return packet

    def stop(self) -> None:
        """See `MediaStreamTrack.stop`."""
        super().stop()
        self._packets.clear()
        self._changed.set()
