"""Against a real WebRTC peer: picture and sound arrive, on one clock, and the microphone is heard."""

import asyncio
from collections.abc import Awaitable, Callable
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from aiortc import AudioStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RTCP_PSFB_APP, RTCP_PSFB_PLI, RtcpPsfbPacket, pack_remb_fci
from av import AudioFrame, VideoFrame

from src.errors import StreamError
from src.realtime.server.peer import OUTBOX_FRAMES, Peer
from tests.realtime.server.fakes import LAYOUT, SIZE, frame

PATIENCE_S = 20


class Tone(AudioStreamTrack):
    """A microphone that hears 500 Hz, at 48 kHz."""

    wave = (12_000 * np.sin(2 * np.pi * 500 * np.arange(960) / 48_000)).astype(np.int16)[None]

    async def recv(self) -> AudioFrame:
        silence = await super().recv()
        sound = AudioFrame.from_ndarray(self.wave, format="s16", layout="mono")
        sound.pts, sound.sample_rate, sound.time_base = silence.pts * 6, 48_000, Fraction(1, 48_000)
        return sound


class Browser:
    """The other end."""

    def __init__(self, microphone: AudioStreamTrack | None = None) -> None:
        self.failures: list[str] = []
        self.heard: asyncio.Queue[tuple[np.ndarray, int]] = asyncio.Queue()
        self.peer = Peer(layout=LAYOUT, kbps=500, take_sound=self._hear, give_up=self.failures.append)
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tracks: dict[str, object] = {}
        self.connected, self.peer_connected = asyncio.Event(), asyncio.Event()
        self.connection.on("track", lambda track: self.tracks.update({track.kind: track}))
        for connection, event in ((self.connection, self.connected), (self.peer._connection, self.peer_connected)):
            connection.on("connectionstatechange", partial(self._changed, connection, event))
        self.connection.addTransceiver(microphone or "audio", direction="sendrecv")
        self.connection.addTransceiver("video", direction="recvonly")

    def _hear(self, pcm: np.ndarray, sample_rate_hz: int) -> None:
        self.heard.put_nowait((pcm, sample_rate_hz))

    @staticmethod
    def _changed(connection: RTCPeerConnection, event: asyncio.Event) -> None:
        if connection.connectionState == "connected":
            event.set()

    async def connect(self) -> None:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        answer = await self.peer.answer(self.connection.localDescription.sdp)
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await asyncio.gather(self.connected.wait(), self.peer_connected.wait())

    async def speak(self, num_frames: int, first: int = 100) -> None:
        """Frames at the pace at which the encoder takes them; the 20th is bright and loud."""
        loop = asyncio.get_running_loop()
        for index in range(first, first + num_frames):
            level = 0.9 if index == 120 else 0.1
            self.peer.put(frame(index, level=level, deadline_s=loop.time()))
            while len(self.peer._outbox) >= OUTBOX_FRAMES - 1:
                await asyncio.sleep(0)


def between(work: Callable[[Browser], Awaitable[None]], microphone: type[AudioStreamTrack] | None = None) -> None:
    async def run() -> None:
        browser = Browser(None if microphone is None else microphone())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await browser.connect()
                await work(browser)
        finally:
            await browser.peer.close()
            await browser.connection.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in left if "Peer" in repr(task)]

    asyncio.run(run())


def test_the_picture_and_the_sound_of_one_instant_carry_the_same_time() -> None:
    async def work(browser: Browser) -> None:
        speaking = asyncio.create_task(browser.speak(60))
        pictures: list[VideoFrame] = [await browser.tracks["video"].recv() for _ in range(40)]
        sounds: list[AudioFrame] = [await browser.tracks["audio"].recv() for _ in range(60)]
        await speaking
        levels = [picture.to_ndarray(format="rgb24").mean() for picture in pictures]
        assert pictures[0].width == SIZE
        shown_s = [float(picture.pts * picture.time_base) for picture in pictures]
        heard_s, loudness = [], []
        for sound in sounds:
            samples = np.abs(sound.to_ndarray().reshape(sound.samples, -1)[:, 0].astype(float)) / 32768
            heard_s += list(float(sound.pts * sound.time_base) + np.arange(sound.samples) / sound.sample_rate)
            loudness += list(samples)
        # aiortc's receiver begins each track's clock at 0: both began with frame 100, sound 6.5 ms before it (Opus).
        bright_s = shown_s[int(np.argmax(levels))] - shown_s[0]
        loud_s = heard_s[int(np.argmax(np.array(loudness) > 0.5))] - heard_s[0] - 0.0065
        assert bright_s == pytest.approx(20 / 25, abs=1e-3)
        assert loud_s == pytest.approx(20 / 25, abs=4e-3)

    between(work)


def test_the_microphone_is_heard_in_its_rate_and_channels() -> None:
    async def work(browser: Browser) -> None:
        loudest = 0.0
        while loudest < 8000:
            pcm, rate_hz = await browser.heard.get()
            assert (pcm.dtype, pcm.shape, rate_hz) == (np.int16, (960, 2), 48_000)
            loudest = float(np.abs(pcm).max())

    between(work, Tone)


def test_a_browser_that_lost_a_picture_gets_a_key_picture_and_a_slow_one_fewer_bits() -> None:
    async def work(browser: Browser) -> None:
        await browser.speak(5)
        peer = browser.peer
        assert peer._wants_key is False
        (sender,) = (each.sender for each in peer._connection.getTransceivers() if each.kind == "video")
        ask = RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=sender._ssrc)
        await sender._handle_rtcp_packet(ask)
        assert peer._wants_key is True
        remb = pack_remb_fci(300_000, [sender._ssrc])
        await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=remb))
        await browser.speak(5, first=105)
        while len(peer._outbox):
            await asyncio.sleep(0)
        assert peer._wants_kbps == pytest.approx(252, rel=0.01)
        assert peer._pictures.kbps == pytest.approx(252, rel=0.01)

    between(work)


def test_an_encoder_that_fails_is_said() -> None:
    async def work(browser: Browser) -> None:
        await browser.speak(5)
        browser.peer.put(frame(1))  # the timeline goes back
        while not browser.failures:
            await asyncio.sleep(0)
        assert "can't be sent" in browser.failures[0]

    between(work)


def test_nothing_is_encoded_for_a_connection_that_does_not_stand() -> None:
    async def run() -> None:
        peer = Peer(layout=LAYOUT, kbps=500, take_sound=lambda pcm, rate: None, give_up=pytest.fail)
        for index in range(10):
            peer.put(frame(index))
        assert len(peer._outbox) == 0
        with pytest.raises(StreamError, match="Use the fallback connection"):
            await peer.answer("no offer")
        await peer.close()

    asyncio.run(run())
