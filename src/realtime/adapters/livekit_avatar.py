"""An avatar for LiveKit Agents: what `AvatarRunner` asks for its pictures and sound.

    avatar = LiveKitAvatar(animator.session())
    runner = AvatarRunner(room, audio_recv=DataStreamAudioReceiver(room), video_gen=avatar, options=avatar.options)
    avatar.plays_through(runner.av_sync)
    await runner.start()

The runner counts every sound that it is given as speech: it tells the agent that playback has begun at the first one
after a segment, and how far playback came from the sum of all. So between segments there are pictures and no sound.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TypeAlias

from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, AvatarOptions, VideoGenerator

from src.realtime.adapters.feed import SpeechFeed, pcm16, samples_of, speaks
from src.realtime.frame import Frame
from src.realtime.session import Session

Media: TypeAlias = rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd


class LiveKitAvatar(VideoGenerator):
    """A session as a `VideoGenerator`.

    Sound goes to LiveKit as soon as it is there, up to 40 ms before it is heard, so that its queue does not run dry;
    the picture follows when its sound begins to be heard. LiveKit plays what it has without gaps, so it is known here
    when all that it was given will have been heard, and the session is told.

    Args:
        session: new, on `time.monotonic`; of this avatar alone.
    """

    def __init__(self, session: Session) -> None:
        self._feed = SpeechFeed(session)
        self._playout: rtc.AVSynchronizer | None = None
        self._taken = asyncio.Event()  # the runner is there for pictures: before, speech would be lost
        self._said = False
        self._ends_with_session = False
        self._owed_end: asyncio.Event | None = None
        self._sounds_until_s = float("-inf")

    @property
    def options(self) -> AvatarOptions:
        """For the `AvatarRunner`."""
        layout = self._feed.layout
        return AvatarOptions(
            video_width=layout.width,
            video_height=layout.height,
            video_fps=layout.fps,
            audio_sample_rate=layout.sample_rate_hz,
            audio_channels=1,
        )

    def plays_through(self, playout: rtc.AVSynchronizer) -> None:
        """Say what `AvatarRunner` plays through, so that a barge-in empties that as well."""
        self._playout = playout

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Take sound of any rate and number of channels, waiting for room, or the end of a segment.

        The end is waited for until it was given out: the runner knows of one segment at a time. It is told once, also
        where the session had ended the segment by itself because it gave no sound any more.
        """
        turn = self._feed.turn
        await self._taken.wait()
        if self._feed.turn != turn:
            return
        if isinstance(frame, rtc.AudioFrame):
            self._said = True
            await self._feed.push(samples_of(frame.data.cast("B"), frame.num_channels), frame.sample_rate)
        elif self._said:
            self._said = False
            self._ends_with_session = self._feed.end()
            self._owed_end = asyncio.Event()
            await self._owed_end.wait()

    async def clear_buffer(self) -> None:
        """Stop speaking: forget what was pushed, what was drawn, and what waits to be played."""
        self._feed.clear()
        self._said = False
        self._release()
        self._sounds_until_s = float("-inf")
        if self._playout is not None:
            await self._playout.clear_queue()

    async def aclose(self) -> None:
        """End the iteration and the session."""
        self._feed.close()
        self._taken.set()
        self._release()

    async def __aiter__(self) -> AsyncIterator[Media]:
        """Pictures at the session's frame rate, each after its sound; ends of segments after their last sound."""
        try:
            async with aclosing(self._feed.frames()) as frames:
                async for frame in frames:
                    async for media in self._presented(frame):
                        yield media
        finally:
            await self.aclose()

    async def _presented(self, frame: Frame) -> AsyncIterator[Media]:
        """What a frame gives, each thing when it is to be handed over; nothing more once the frame was cleared."""
        shown_s = frame.deadline_s
        if speaks(frame):
            if self._sounds_until_s < time.monotonic():  # nothing is sounding: this begins when it is due
                await _wait_until(frame.deadline_s)
                self._sounds_until_s = time.monotonic()
            if frame.turn != self._feed.turn:
                return
            yield self._sound(frame)
            shown_s = self._sounds_until_s - 1.0 / self._feed.layout.fps
        await _wait_until(shown_s)
        if frame.turn != self._feed.turn:
            return
        yield self._picture(frame)
        self._taken.set()
        if self._owed_end is not None and (frame.num_ended or not self._ends_with_session):
            yield AudioSegmentEnd()
            self._release()

    def _sound(self, frame: Frame) -> rtc.AudioFrame:
        layout, num_samples = self._feed.layout, len(frame.audio)
        now_s = time.monotonic()
        self._sounds_until_s += num_samples / layout.sample_rate_hz
        end_s = frame.time_s + 1.0 / layout.fps
        self._feed.notify_playback(end_s - (self._sounds_until_s - now_s))
        return rtc.AudioFrame(pcm16(frame.audio), layout.sample_rate_hz, 1, num_samples)

    def _picture(self, frame: Frame) -> rtc.VideoFrame:
        layout = self._feed.layout
        return rtc.VideoFrame(layout.width, layout.height, rtc.VideoBufferType.RGB24, frame.image.tobytes())

    def _release(self) -> None:
        if self._owed_end is not None:
            self._owed_end.set()
            self._owed_end = None


async def _wait_until(time_s: float) -> None:
    await asyncio.sleep(max(time_s - time.monotonic(), 0.0))
