"""The processor in Pipecat's own pipeline, workers and runner."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
    StartFrame,
    TextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.tests.utils import run_test
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from src.errors import RenderError
from src.realtime.adapters.pipecat_avatar import AvatarProcessor
from tests.adapters.stage import SIDE, make_session, steps
from tests.realtime.fakes import RATE, STEP

MEDIA = (OutputImageRawFrame, OutputAudioRawFrame)


def spoken(*levels: float, rate: int = RATE, channels: int = 1) -> list[Frame]:
    """What a speech service pushes for a sentence, its sound all at once."""
    sound = np.repeat(steps(*levels, rate=rate), channels)
    return [TTSStartedFrame(), TTSAudioRawFrame(sound.tobytes(), rate, channels), TTSStoppedFrame()]


def processed(*frames: Frame) -> list[Frame]:
    """What comes out downstream until the end of the pipeline."""
    down, up = asyncio.run(run_test(AvatarProcessor(make_session()), frames_to_send=frames))
    assert not up
    return list(down)


def samples_of(frames: list[Frame], kind: type[OutputAudioRawFrame]) -> NDArray[np.int16]:
    return np.frombuffer(b"".join(frame.audio for frame in frames if isinstance(frame, kind)), np.int16)


def others(frames: list[Frame]) -> list[str]:
    return [type(frame).__name__ for frame in frames if not isinstance(frame, MEDIA)]


def test_pictures_come_before_their_sound_and_no_sample_of_speech_is_lost() -> None:
    sound = steps(*np.linspace(0.1, 0.5, 12))
    out = processed(*spoken(*np.linspace(0.1, 0.5, 12)))
    pictures = [frame for frame in out if isinstance(frame, OutputImageRawFrame)]
    assert {(frame.size, frame.format, len(frame.image)) for frame in pictures} == {((SIDE, SIDE), "RGB", SIDE**2 * 3)}
    assert all(frame.sync_with_audio for frame in pictures)  # a transport shows it when the sound before it was sent
    assert np.array_equal(np.trim_zeros(samples_of(out, TTSAudioRawFrame)), sound)
    media = [frame for frame in out if isinstance(frame, MEDIA)]
    spoken_to = [
        (picture, heard)
        for picture, heard in pairwise(media)
        if isinstance(picture, OutputImageRawFrame)
        and isinstance(heard, OutputAudioRawFrame)
        and heard.num_frames == STEP
    ]
    assert len(spoken_to) >= 6
    assert all(picture.pts == heard.pts for picture, heard in spoken_to)
    assert all(picture.image[0] > 0 for picture, _ in spoken_to)


def test_there_is_no_sound_where_nobody_speaks() -> None:
    out = processed(*spoken(0.2, 0.0, 0.2), TextFrame("after"))
    heard = [frame for frame in out if isinstance(frame, OutputAudioRawFrame)]
    assert np.count_nonzero(samples_of(out, OutputAudioRawFrame)) == 2 * STEP  # a pause in speech is speech
    for before, after in pairwise(heard):
        assert after.pts - before.pts == pytest.approx(before.num_frames * 10**9 / RATE, abs=2)
    assert isinstance(out[0], OutputImageRawFrame | TTSStartedFrame)


def test_stereo_of_another_rate_is_converted() -> None:
    out = processed(*spoken(*[0.25] * 6, rate=24_000, channels=2))
    assert len(np.trim_zeros(samples_of(out, TTSAudioRawFrame))) == pytest.approx(6 * STEP, abs=32)


def test_a_sentence_is_over_when_its_last_sound_is_out_and_what_follows_stays_behind_it() -> None:
    out = processed(*spoken(*[0.2] * 4), TextFrame("between"), *spoken(*[0.4] * 4))
    assert others(out) == [
        "TTSStartedFrame", "TTSStoppedFrame", "TextFrame", "TTSStartedFrame", "TTSStoppedFrame",
    ]  # fmt: skip
    first, second = (index for index, frame in enumerate(out) if isinstance(frame, TTSStoppedFrame))
    assert np.abs(samples_of(out[:first], TTSAudioRawFrame)).max() == round(0.2 * 32767)
    assert np.count_nonzero(samples_of(out[:first], TTSAudioRawFrame)) == 4 * STEP
    assert np.count_nonzero(samples_of(out[first:second], TTSAudioRawFrame)) == 4 * STEP
    assert not samples_of(out[second:], OutputAudioRawFrame).any()


def test_the_end_waits_for_the_last_word_even_of_a_sentence_that_nobody_ended() -> None:
    started, sound, _ = spoken(*[0.3] * 8)
    assert np.count_nonzero(samples_of(processed(started, sound), TTSAudioRawFrame)) == 8 * STEP


def test_an_end_without_speech_and_frames_of_others_pass() -> None:
    out = processed(TTSStoppedFrame(), TextFrame("a"), UserStartedSpeakingFrame(), TextFrame("b"))
    assert sorted(others(out)) == ["TTSStoppedFrame", "TextFrame", "TextFrame", "UserStartedSpeakingFrame"]


class Watching(FrameProcessor):
    """The end of a pipeline: keeps what comes and tells of it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self._changed = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        self._changed.set()
        await self.push_frame(frame, direction)

    async def until(self, seen: Callable[[list[Frame]], bool]) -> None:
        while not seen(self.frames):
            self._changed.clear()
            await self._changed.wait()


Scene = Callable[[PipelineWorker, Watching], Awaitable[None]]


def perform(scene: Scene, processor: AvatarProcessor) -> list[Frame]:
    async def run() -> list[Frame]:
        watching = Watching()
        worker = PipelineWorker(Pipeline([processor, watching]), cancel_on_idle_timeout=False)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await asyncio.wait_for(asyncio.gather(runner.run(), scene(worker, watching)), 20)
        return watching.frames

    return asyncio.run(run())


def loud(frames: list[Frame]) -> bool:
    return bool(samples_of(frames, TTSAudioRawFrame).any())


class Stand(BaseOutputTransport):
    """Pipecat's own output with a screen and speakers: a chunk of sound lasts until a picture of it was shown."""

    def __init__(self) -> None:
        super().__init__(
            TransportParams(
                audio_out_enabled=True,
                audio_out_sample_rate=RATE,
                audio_out_end_silence_secs=0,
                video_out_enabled=True,
                video_out_width=SIDE,
                video_out_height=SIDE,
                video_out_framerate=200,
            )
        )
        self.seen_and_heard: list[tuple[int, int]] = []
        self._seen = 0
        self._shown = asyncio.Event()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_video_frame(self, frame: OutputImageRawFrame) -> bool:
        self._seen = frame.image[0]
        self._shown.set()
        return True

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        for _ in range(2):  # the first may have been on its way before the sound came
            self._shown.clear()
            await self._shown.wait()
        self.seen_and_heard.append((self._seen, int(np.frombuffer(frame.audio, np.int16)[0])))
        return True


def test_a_transport_shows_each_picture_while_its_sound_is_heard() -> None:
    stand, session = Stand(), make_session()

    async def run() -> None:
        worker = PipelineWorker(Pipeline([AvatarProcessor(session), stand]), cancel_on_idle_timeout=False)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await worker.queue_frames([*spoken(*np.linspace(0.05, 0.5, 10)), EndFrame()])
        await asyncio.wait_for(runner.run(), 20)

    asyncio.run(run())
    late = [heard / 32767 * 510 - seen for seen, heard in stand.seen_and_heard]
    assert len(late) >= 10
    assert min(late) >= -1.0
    assert (
        sum(value > 1.0 for value in late) <= session.counts.dropped
    )  # sound whose own picture a busy machine left out


def test_an_interruption_empties_everything_and_the_next_sentence_is_whole() -> None:
    async def scene(worker: PipelineWorker, watching: Watching) -> None:
        await worker.queue_frames([*spoken(*[0.5] * 250), TextFrame("never said")])
        await watching.until(loud)
        await worker.queue_frame(InterruptionFrame())
        await watching.until(
            lambda frames: isinstance(frames[-1], InterruptionFrame) or "InterruptionFrame" in others(frames)
        )
        await worker.queue_frames([*spoken(*[0.25] * 4), EndFrame()])

    out = perform(scene, AvatarProcessor(make_session()))
    cut = others(out).index("InterruptionFrame")
    assert "TTSStoppedFrame" not in others(out)[:cut]
    assert others(out).count("TTSStoppedFrame") == 1
    assert "TextFrame" not in others(out)
    after = out[[isinstance(frame, InterruptionFrame) for frame in out].index(True) :]
    heard = samples_of(after, TTSAudioRawFrame)
    assert np.count_nonzero(heard == round(0.25 * 32767)) == 4 * STEP
    assert np.abs(heard).max() == round(0.25 * 32767)
    rest = [frame for frame in after if isinstance(frame, OutputImageRawFrame)]
    assert max(frame.image[0] for frame in rest) < 140  # half open for 0.25, never again as wide as for 0.5


def test_cancelling_stops_at_once() -> None:
    async def scene(worker: PipelineWorker, watching: Watching) -> None:
        await worker.queue_frames(spoken(*[0.5] * 250))
        await watching.until(loud)
        await worker.queue_frame(CancelFrame())

    out = perform(scene, AvatarProcessor(make_session()))
    assert len(samples_of(out, TTSAudioRawFrame)) < 250 * STEP


def test_a_renderer_that_fails_is_told_upstream_and_holds_nobody() -> None:
    def fail(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        raise RenderError("the texture is gone")

    processor = AvatarProcessor(make_session(draw=fail))
    down, up = asyncio.run(run_test(processor, frames_to_send=spoken(0.5, 0.5)))
    assert not any(isinstance(frame, MEDIA) for frame in down)
    (error,) = (frame for frame in up if isinstance(frame, ErrorFrame))
    assert error.error == "the texture is gone"
    assert not processor.is_usable
