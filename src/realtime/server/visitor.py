"""The socket of one visitor: words both ways, and media where WebRTC is not to be had.

The session lives as long as this socket. Whatever ends it, a closed tab, a lost line, a limit, ends the session and
everything that belongs to it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from src.errors import Audio2MotionError, StreamError
from src.realtime.server.gallery import Face
from src.realtime.server.limits import Limits, RateLimit
from src.realtime.server.live import Live
from src.realtime.server.messages import MESSAGE, Message, Microphone, Offer, Played, Say, Stop, Stream
from src.realtime.server.peer import Peer
from src.realtime.server.socket_viewer import SocketViewer
from src.realtime.server.speech import Speech
from src.realtime.server.visits import BusyError, Visit, Visits

logger = logging.getLogger(__name__)

FIGURES_EVERY_S = 1.0
TRY_LATER, POLICY, GOING_AWAY, FAILED = 1013, 1008, 1001, 1011
"""Close codes of RFC 6455; the page tells by them whether trying again can help."""


class Visitor:
    """Serves one accepted socket.

    Args (of the constructor):
        socket: accepted.
        limits: see `Limits`.
        speech: says texts; None where there is no voice.
        video_kbps, jpeg_quality: of the pictures over WebRTC and over the socket.
    """

    def __init__(
        self, socket: WebSocket, *, limits: Limits, speech: Speech | None, video_kbps: float, jpeg_quality: int
    ) -> None:
        self._socket, self._limits, self._speech = socket, limits, speech
        self._video_kbps, self._jpeg_quality = video_kbps, jpeg_quality
        self._rate = RateLimit(per_second=limits.max_messages_per_s, burst=2 * limits.max_messages_per_s)
        self._sending = asyncio.Lock()
        self._microphone_hz = 0
        self._viewer: Peer | SocketViewer | None = None
        self._failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve(self, visits: Visits, client: str, find: Callable[[], Face]) -> None:
        """Until the visitor leaves or a limit is reached.

        Args:
            visits: where the session is registered.
            client: address of the visitor.
            find: prepares the avatar; called in a thread.
        """
        try:
            visit = visits.begin(client)
        except BusyError as error:
            await self._end(TRY_LATER, "busy", str(error))
            return
        try:
            await self._tell({"type": "preparing"})
            face = await asyncio.to_thread(find)
            await self._converse(visit, face)
        except WebSocketDisconnect:
            logger.info("visitor %s left", client)
        except Audio2MotionError as error:
            await self._end(FAILED, "failed", str(error))
        finally:
            visits.end(visit)

    async def _converse(self, visit: Visit, face: Face) -> None:
        session = face.session()
        live = visit.live = Live(session=session, limits=self._limits, record=lambda: asdict(session.counts))
        await self._tell({"type": "welcome", "session": visit.key, "layout": asdict(face.layout)})
        running = asyncio.create_task(live.run())
        helpers = [asyncio.create_task(work) for work in (self._listen(live, face), self._report(live))]
        try:
            tasks: list[asyncio.Future[Any]] = [running, self._failed, *helpers]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()  # raises what it failed with, the visitor's leaving included
            if self._failed.done():
                await self._end(POLICY, "failed", self._failed.result())
            else:
                await self._end(GOING_AWAY, "over", "The session ended: its time was up, or nobody spoke for a while.")
        finally:
            for task in (running, *helpers):
                task.cancel()
            await asyncio.gather(running, *helpers, return_exceptions=True)

    async def _listen(self, live: Live, face: Face) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code", GOING_AWAY))
            if not self._rate.allows("", time.monotonic()):
                raise StreamError("Too many messages from the page. Reload it.")
            data, text = received.get("bytes"), received.get("text")
            if data is not None:
                self._hear(live, data)
                continue
            try:
                message = MESSAGE.validate_json(text or "")
            except ValidationError as error:
                raise StreamError("The page sent a message that is not understood. Reload it.") from error
            await self._act(live, face, message)

    async def _act(self, live: Live, face: Face, message: Message) -> None:
        match message:
            case Offer():
                await self._connect(live, face, message.sdp)
            case Stream():
                self._viewer = SocketViewer(
                    layout=face.layout,
                    jpeg_quality=self._jpeg_quality,
                    send=self._send_media,
                    give_up=self._fail,
                )
                await live.show_to(self._viewer)
            case Say():
                await self._say(live, message.text)
            case Stop():
                await live.stop()
            case Microphone():
                self._microphone_hz = message.sample_rate_hz
                await live.switch_microphone(message.on)
            case Played():
                if isinstance(self._viewer, SocketViewer):
                    self._viewer.received(message.received_s)
                    await live.played(message.position_s, restarted=message.restarted)

    async def _connect(self, live: Live, face: Face, sdp: str) -> None:
        # The page sees by itself when the connection fails, and then asks for media over this socket.
        peer = Peer(layout=face.layout, kbps=self._video_kbps, take_sound=live.hear, give_up=self._fail)
        try:
            answer = await peer.answer(sdp)
        except StreamError as error:
            await peer.close()
            await self._tell({"type": "media_failed", "message": str(error)})
            return
        self._viewer = peer
        await live.show_to(peer)
        await self._tell({"type": "answer", "sdp": answer})

    async def _say(self, live: Live, text: str) -> None:
        try:
            if self._speech is None:
                raise StreamError("This server has no voice. Talk, or send a recording.")
            waveform, rate_hz = await self._speech.speak(text)
            live.speak(waveform, rate_hz)
        except Audio2MotionError as error:
            await self._tell({"type": "refused", "message": str(error)})

    def _hear(self, live: Live, data: bytes) -> None:
        if self._microphone_hz and len(data) % 2 == 0:
            live.hear(np.frombuffer(data, "<i2"), self._microphone_hz)

    async def _report(self, live: Live) -> None:
        while True:
            await self._tell({"type": "figures", **live.figures()})
            await asyncio.sleep(FIGURES_EVERY_S)

    def _fail(self, message: str) -> None:
        if not self._failed.done():
            self._failed.set_result(message)

    async def _tell(self, words: dict[str, Any]) -> None:
        async with self._sending:
            await self._socket.send_json(words)

    async def _send_media(self, message: bytes) -> None:
        async with self._sending:
            await self._socket.send_bytes(message)

    async def _end(self, code: int, reason: str, message: str) -> None:
        if self._socket.client_state is WebSocketState.CONNECTED:
            await self._tell({"type": "bye", "reason": reason, "message": message})
            await self._socket.close(code)
