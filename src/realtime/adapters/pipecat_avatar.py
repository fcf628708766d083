"""An avatar for Pipecat: a processor between speech synthesis and the output of a pipeline.

    Pipeline([..., tts, AvatarProcessor(animator.session()), transport.output()])

with `video_out_enabled=True`, the size of the session's pictures and its sample rate (`audio_out_sample_rate`) in the
transport's parameters, and `video_out_is_live` left False: then a picture is shown when all sound before it was sent,
so the two can't part, however late the sound is. Sound that comes without a pause would only ever get later: a
transport sends silence when it has nothing, and what comes then waits. So there is sound only where somebody speaks.
"""

import asyncio
from collections import deque

import numpy as np
from numpy.typing import NDArray
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
    StartFrame,
    SystemFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.time import seconds_to_nanoseconds

from src.errors import Audio2MotionError
from src.realtime import frame as timeline
from src.realtime.adapters.feed import SpeechFeed, pcm16, samples_of, speaks
from src.realtime.session import Session


class AvatarProcessor(FrameProcessor):
    """Takes speech, of any rate and number of channels, and pushes pictures with their sound; passes on all else.

    * Pictures come out all the time, speech as `TTSAudioRawFrame`s, each after the picture of its start; `pts` of both
      is the time since the start in nanoseconds.
    * `TTSStoppedFrame` is passed on when the last sound before it was given out, and what follows it stays behind it.
    * `InterruptionFrame` empties everything, `EndFrame` waits for the last word, `CancelFrame` does not.

    Args:
        session: new, on `time.monotonic`; of this processor alone.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._feed = SpeechFeed(session)
        self._behind: deque[tuple[Frame, bool]] = deque()  # what waits for sound, and whether it waits for its own end
        self._task: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """See the class."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM and isinstance(frame, OutputAudioRawFrame):
            await self._feed.push(samples_of(frame.audio, frame.num_channels), frame.sample_rate)
        elif direction is FrameDirection.DOWNSTREAM and isinstance(frame, TTSStoppedFrame) and self._feed.end():
            self._behind.append((frame, True))
        elif isinstance(frame, StartFrame):
            await self.push_frame(frame, direction)
            self._task = self.create_task(self._speak())
        elif isinstance(frame, InterruptionFrame):
            await self._forget()
            await self.push_frame(frame, direction)
        elif isinstance(frame, EndFrame):
            await self._finish()
            await self.push_frame(frame, direction)
        elif isinstance(frame, CancelFrame):
            await self._stop()
            await self.push_frame(frame, direction)
        elif self._behind and direction is FrameDirection.DOWNSTREAM and not isinstance(frame, SystemFrame):
            self._behind.append((frame, False))
        else:
            await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Release the session."""
        await super().cleanup()
        await self._stop()

    async def _speak(self) -> None:
        try:
            async for frame in self._feed.frames():
                for media in self._media(frame):
                    if frame.turn == self._feed.turn:
                        await self.push_frame(media)
                for _ in range(frame.num_ended):
                    await self._let_follow()
        except Audio2MotionError as error:
            await self.push_error(str(error), exception=error, force_treat_as_permanent=True)

    def _media(self, frame: timeline.Frame) -> list[Frame]:
        """A picture and the sound that belongs to it, after the sound of pictures that were dropped."""
        layout = self._feed.layout
        picture = OutputImageRawFrame(frame.image.tobytes(), (layout.width, layout.height), "RGB")
        picture.sync_with_audio = True
        picture.pts = seconds_to_nanoseconds(frame.time_s)
        if not speaks(frame):
            return [picture]
        num_before = len(frame.audio) - round(layout.sample_rate_hz / layout.fps)
        sound = self._sound(frame.audio[num_before:], frame.time_s)
        if num_before == 0:
            return [picture, sound]
        before_s = frame.time_s - num_before / layout.sample_rate_hz
        return [self._sound(frame.audio[:num_before], before_s), picture, sound]

    def _sound(self, audio: NDArray[np.float32], time_s: float) -> TTSAudioRawFrame:
        sound = TTSAudioRawFrame(pcm16(audio), self._feed.layout.sample_rate_hz, 1)
        sound.pts = seconds_to_nanoseconds(time_s)
        return sound

    async def _let_follow(self) -> None:
        """Pass on what waited for the end of one segment, up to what waits for the next."""
        if self._behind:
            await self.push_frame(self._behind.popleft()[0])
        while self._behind and not self._behind[0][1]:
            await self.push_frame(self._behind.popleft()[0])

    async def _forget(self) -> None:
        self._feed.clear()
        kept = [frame for frame, _ in self._behind if not frame.interruptible]
        self._behind.clear()
        for frame in kept:
            await self.push_frame(frame)

    async def _finish(self) -> None:
        self._feed.end()
        await self._feed.spoken()
        for frame, _ in self._behind:  # what was said after a session had ended by itself
            await self.push_frame(frame)
        await self._stop()

    async def _stop(self) -> None:
        self._feed.close()
        if self._task is not None:
            task, self._task = self._task, None
            await self.cancel_task(task)
