"""Stand-ins for a LiveKit room, of which only the network is missing.

LiveKit gives out what a local track sends, so what a room would receive is received here. Two rooms that are wired to
each other carry data streams and calls, as a server would between two participants.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from livekit import rtc

from tests.adapters.stage import SIDE
from tests.realtime.fakes import RATE


class Publication:
    async def wait_for_subscription(self) -> None:
        return


@dataclass
class Room:
    """Stands in for a room that is connected: keeps what the published tracks send."""

    pictures: list[int] = field(default_factory=list)
    loudness: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    streams: list[rtc.AudioStream | rtc.VideoStream] = field(default_factory=list)

    @property
    def local_participant(self) -> "Room":
        return self

    def isconnected(self) -> bool:
        return True

    def on(self, event: str, callback: object) -> None: ...

    def off(self, event: str, callback: object) -> None: ...

    async def publish_track(self, track: rtc.LocalTrack, options: rtc.TrackPublishOptions) -> Publication:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            heard = rtc.AudioStream.from_track(track=track, sample_rate=RATE, num_channels=1)
            self.streams.append(heard)
            self.tasks.append(asyncio.create_task(self._hear(heard)))
        else:
            seen = rtc.VideoStream.from_track(track=track, format=rtc.VideoBufferType.RGB24)
            self.streams.append(seen)
            self.tasks.append(asyncio.create_task(self._see(seen)))
        return Publication()

    async def _hear(self, stream: rtc.AudioStream) -> None:
        async for event in stream:
            self.loudness.append(int(np.abs(np.frombuffer(event.frame.data, np.int16)).max()))
            self.changed.set()

    async def _see(self, stream: rtc.VideoStream) -> None:
        async for event in stream:
            assert (event.frame.width, event.frame.height) == (SIDE, SIDE)
            self.pictures.append(int(np.frombuffer(event.frame.data, np.uint8).mean()))
            self.changed.set()

    async def close(self) -> None:
        """Take nothing more. A stream waits for its room to say that it is over, and there is none."""
        closing = [asyncio.ensure_future(stream.aclose()) for stream in self.streams]
        await asyncio.sleep(0)
        for task in [*closing, *self.tasks]:
            task.cancel()

    async def until(self, seen: Callable[["Room"], bool]) -> None:
        """Wait until something was received."""
        while not seen(self):
            self.changed.clear()
            await self.changed.wait()


@dataclass
class ByteStream:
    """Both ends of a data stream: one writes and closes, the other iterates."""

    attributes: dict[str, str]
    chunks: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    @property
    def info(self) -> SimpleNamespace:
        return SimpleNamespace(attributes=self.attributes, stream_id="stream")

    async def write(self, data: bytes) -> None:
        self.chunks.put_nowait(data)

    async def aclose(self) -> None:
        self.chunks.put_nowait(None)

    async def __anext__(self) -> bytes:
        chunk = await self.chunks.get()
        if chunk is None:
            raise StopAsyncIteration
        return chunk


@dataclass
class WiredRoom(Room):
    """The room as one of two participants sees it."""

    identity: str = ""
    kind: int = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
    other: "WiredRoom | None" = None
    state: int = rtc.ParticipantState.PARTICIPANT_STATE_ACTIVE
    _rpc_handlers: dict[str, Callable[[rtc.RpcInvocationData], str]] = field(default_factory=dict)
    stream_handlers: dict[str, Callable[[ByteStream, str], None]] = field(default_factory=dict)

    @property
    def remote_participants(self) -> dict[str, "WiredRoom"]:
        assert self.other is not None
        return {self.other.identity: self.other}

    def register_rpc_method(self, method: str, handler: Callable[[rtc.RpcInvocationData], str]) -> None:
        self._rpc_handlers[method] = handler

    async def perform_rpc(self, *, destination_identity: str, method: str, payload: str) -> str:
        handler = self.remote_participants[destination_identity]._rpc_handlers[method]
        return handler(rtc.RpcInvocationData("call", self.identity, payload, 1.0, method))

    def register_byte_stream_handler(self, topic: str, handler: Callable[[ByteStream, str], None]) -> None:
        self.stream_handlers[topic] = handler

    async def stream_bytes(
        self, *, name: str, topic: str, destination_identities: list[str], attributes: dict[str, str]
    ) -> ByteStream:
        stream = ByteStream(attributes)
        for identity in destination_identities:
            self.remote_participants[identity].stream_handlers[topic](stream, self.identity)
        return stream


def wired() -> tuple[WiredRoom, WiredRoom]:
    """The room of an agent and that of its avatar."""
    agent = WiredRoom(identity="agent", kind=rtc.ParticipantKind.PARTICIPANT_KIND_AGENT)
    avatar = WiredRoom(identity="avatar", other=agent)
    agent.other = avatar
    return agent, avatar
