"""One WebRTC connection: the avatar's picture and voice out, the visitor's microphone in."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import RTCP_PSFB_APP, RTCP_PSFB_FIR, RTCP_PSFB_PLI, RtcpPsfbPacket, unpack_remb_fci
from av import AudioFrame
from av.packet import Packet
from numpy.typing import NDArray

from src.errors import StreamError
from src.realtime.frame import Frame, Layout
from src.realtime.server.encoding import PictureEncoder, SoundEncoder
from src.realtime.server.outbox import Outbox
from src.realtime.server.tracks import PacedTrack
from src.realtime.server.viewer import Sent

logger = logging.getLogger(__name__)

OUTBOX_FRAMES = 3
"""Frames that may wait for the encoder: 120 ms."""
SOUND_KBPS = 48.0
LEAST_CHANGE, LEAST_KBPS = 0.3, 150.0
"""A new bit rate is taken when it differs by this share, since it costs a key picture."""

_BROKEN_OFFER = (ValueError, LookupError, AttributeError, AssertionError, InvalidAccessError, InvalidStateError)
"""aiortc checks little of what it parses, so a broken offer fails in many ways."""

TakeSound = Callable[[NDArray[np.int16], int], None]


class Peer:
    """Answers one offer, then sends frames and gives the microphone's sound.

    Picture and sound carry the frame's time on the timeline (90 kHz and 48 kHz) and leave when the frame is due.

    Args (of the constructor):
        layout: of the frames.
        kbps: of the pictures at best; less when the browser reports a slower line.
        take_sound: is given the microphone's samples, (S, channels) int16, and their rate; on the event loop.
        give_up: is told why when frames can no longer be sent.
    """

    def __init__(self, *, layout: Layout, kbps: float, take_sound: TakeSound, give_up: Callable[[str], None]) -> None:
        self._layout, self._most_kbps = layout, kbps
        self._take_sound, self._give_up = take_sound, give_up
        self._outbox = Outbox(capacity=OUTBOX_FRAMES)
        self._video, self._audio = PacedTrack("video"), PacedTrack("audio")
        self._pictures = PictureEncoder(width=layout.width, height=layout.height, fps=layout.fps, kbps=kbps)
        self._sound = SoundEncoder(sample_rate_hz=layout.sample_rate_hz, kbps=SOUND_KBPS)
        self._wants_key, self._wants_kbps = True, kbps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._tasks: set[asyncio.Task[None]] = set()
        # Without servers: nobody outside is asked for our address.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on("connectionstatechange", self._changed)
        self._connection.on("track", self._hear)

    async def answer(self, offer_sdp: str) -> str:
        """Accept a browser's offer of one video and one audio line.

        Returns:
            The answer, with all addresses under which this server can be reached.

        Raises:
            StreamError: the offer is no offer for this, or not readable.
        """
        for track in (self._video, self._audio):
            self._attend(self._connection.addTrack(track))
        for transceiver in self._connection.getTransceivers():
            wanted = {"audio": "audio/opus", "video": "video/VP8"}[transceiver.kind]
            known = RTCRtpReceiver.getCapabilities(transceiver.kind)
            assert known is not None
            transceiver.setCodecPreferences(
                [codec for codec in known.codecs if codec.mimeType in (wanted, "video/rtx")]
            )
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(offer_sdp, "offer"))
            answer = await self._connection.createAnswer()
            await self._connection.setLocalDescription(answer)
        except _BROKEN_OFFER as error:
            raise StreamError(f"the browser's offer can't be used ({error!r}). Use the fallback connection.") from error
        return str(self._connection.localDescription.sdp)

    def put(self, frame: Frame) -> None:
        """See `Viewer.put`."""
        if self._connection.connectionState == "connected":
            self._outbox.put(frame)

    def flush(self) -> None:
        """See `Viewer.flush`: all but the packets of the last 40 ms, which are encoded."""
        self._outbox.flush()

    def sent(self) -> Sent:
        """See `Viewer.sent`."""
        num_bytes = self._video.num_bytes + self._audio.num_bytes
        return Sent(self._video.num_sent, self._outbox.num_dropped + self._video.num_dropped, num_bytes)

    async def close(self) -> None:
        """See `Viewer.close`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._connection.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _changed(self) -> None:
        state = self._connection.connectionState
        logger.debug("WebRTC connection: %s", state)
        if state == "connected":
            self._begin(self._encode_all())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a connection ends", exc_info=error)
            self._give_up(f"The picture and the sound can't be sent any more ({error}). Start again.")

    async def _encode_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            frame = await self._outbox.get()
            picture, sound = await loop.run_in_executor(self._thread, self._encode, frame)
            origin_s = frame.deadline_s - frame.time_s
            for packet in sound:
                self._audio.put(packet, origin_s + _time_s(packet))
            if not self._video.put(picture, origin_s + _time_s(picture)):
                self._wants_key = True

    def _encode(self, frame: Frame) -> tuple[Packet, list[Packet]]:
        if abs(self._wants_kbps - self._pictures.kbps) > LEAST_CHANGE * self._pictures.kbps:
            self._pictures.set_kbps(self._wants_kbps)
        key, self._wants_key = self._wants_key, False
        rate_hz = self._layout.sample_rate_hz
        end = round((frame.index + 1) / self._layout.fps * rate_hz)
        return (
            self._pictures.encode(frame.image, frame.time_s, key=key),
            self._sound.encode(frame.audio, end - len(frame.audio)),
        )

    def _attend(self, sender: RTCRtpSender) -> None:
        """Listen to what the browser says about our packets.

        aiortc tells it to its own encoders alone, which are not used here; there is no public way to hear it.
        """
        handle = sender._handle_rtcp_packet

        async def attended(packet: Any) -> None:
            if isinstance(packet, RtcpPsfbPacket):
                if packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
                    self._wants_key = True
                elif packet.fmt == RTCP_PSFB_APP:
                    self._adapt(packet.fci)
            await handle(packet)

        sender._handle_rtcp_packet = attended  # type: ignore[method-assign]

    def _adapt(self, feedback: bytes) -> None:
        try:
            bits_per_s, _ = unpack_remb_fci(feedback)
        except ValueError:  # feedback of another kind
            return
        self._wants_kbps = min(max(bits_per_s / 1000 - SOUND_KBPS, LEAST_KBPS), self._most_kbps)

    def _hear(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._begin(self._hear_all(track))

    async def _hear_all(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame)
            samples: NDArray[np.int16] = frame.to_ndarray().astype(np.int16, copy=False)  # what aiortc decodes to
            self._take_sound(samples.reshape(frame.samples, -1), frame.sample_rate)


def _time_s(packet: Packet) -> float:
    assert packet.pts is not None
    return packet.pts * packet.time_base.numerator / packet.time_base.denominator
