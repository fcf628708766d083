"""The avatar with LiveKit's own runner, queues, clocks and media sources; only the room is not there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.avatar import (
    AudioSegmentEnd,
    AvatarRunner,
    DataStreamAudioOutput,
    DataStreamAudioReceiver,
    QueueAudioOutput,
)
from livekit.agents.voice.io import PlaybackFinishedEvent
from numpy.typing import NDArray

from src.errors import RenderError
from src.realtime.adapters.livekit_avatar import LiveKitAvatar, Media
from src.realtime.session import Session
from tests.adapters.rooms import Room, wired
from tests.adapters.stage import SIDE, make_session, steps
from tests.realtime.fakes import FPS, RATE, STEP

Scene = Callable[["Stage"], Awaitable[None]]


@dataclass
class Stage:
    avatar: LiveKitAvatar
    agent: QueueAudioOutput
    room: Room
    session: Session
    finished: list[PlaybackFinishedEvent] = field(default_factory=list)
    started: list[object] = field(default_factory=list)

    async def say(self, sound: NDArray[np.int16], rate: int = RATE) -> None:
        """As an agent says a whole answer: at once."""
        await self.agent.capture_frame(rtc.AudioFrame(sound.tobytes(), rate, 1, len(sound)))
        self.agent.flush()

    def told(self, position_s: float) -> object:
        return told(self.session, position_s)


def told(session: Session, position_s: float) -> object:
    """Equals a playback position, and one with the silence of pictures that a busy machine left out."""
    left_out_s = session.counts.dropped / FPS
    return pytest.approx(position_s + left_out_s / 2, abs=left_out_s / 2 + 1e-6)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """One event loop for all scenes: LiveKit's library calls the loops that it knows for ever."""
    with asyncio.Runner() as runner:
        yield runner


def perform(loop: asyncio.Runner, scene: Scene, **times: float) -> Stage:
    """Play a scene with the real runner, from connecting to closing."""

    async def run() -> Stage:
        session = make_session(**times)
        stage = Stage(LiveKitAvatar(session), QueueAudioOutput(wait_playback_start=True), Room(), session)
        stage.agent.on("playback_finished", stage.finished.append)
        stage.agent.on("playback_started", stage.started.append)
        runner = AvatarRunner(stage.room, audio_recv=stage.agent, video_gen=stage.avatar, options=stage.avatar.options)
        stage.avatar.plays_through(runner.av_sync)
        await runner.start()
        try:
            await asyncio.wait_for(scene(stage), 20)
        finally:
            await runner.aclose()
            await stage.room.close()
        return stage

    return loop.run(run())


def test_speech_is_seen_and_heard_in_the_room_and_its_end_is_told_once(loop: asyncio.Runner) -> None:
    async def scene(stage: Stage) -> None:
        await stage.say(steps(0, 0, 0, 0.5, 0, 0, 0, 0))
        await stage.agent.wait_for_playout()
        await stage.room.until(lambda room: max(room.pictures) > 200 and max(room.loudness) > 10_000)

    stage = perform(loop, scene)
    (finished,) = stage.finished
    assert not finished.interrupted
    assert finished.playback_position == stage.told(8 * STEP / RATE)
    assert len(stage.started) == 1


def test_two_answers_end_one_after_the_other(loop: asyncio.Runner) -> None:
    async def scene(stage: Stage) -> None:
        await stage.say(steps(*[0.2] * 5))
        await stage.say(steps(*[0.2] * 3))
        await stage.agent.wait_for_playout()

    stage = perform(loop, scene)
    assert [event.playback_position for event in stage.finished] == [stage.told(0.2), stage.told(0.12)]
    assert [event.interrupted for event in stage.finished] == [False, False]
    assert len(stage.started) == 2


def test_a_long_answer_waits_for_room(loop: asyncio.Runner) -> None:
    async def scene(stage: Stage) -> None:
        await stage.say(steps(*[0.2] * 20))
        await stage.agent.wait_for_playout()

    stage = perform(loop, scene, max_ahead_ms=400)
    (finished,) = stage.finished
    assert finished.playback_position == stage.told(0.8)


def test_a_barge_in_stops_speech_closes_the_mouth_and_leaves_the_next_answer_whole(loop: asyncio.Runner) -> None:
    async def scene(stage: Stage) -> None:
        await stage.say(steps(*[0.5] * 250))
        await stage.room.until(lambda room: max(room.pictures, default=0) > 200)
        stage.agent.clear_buffer()
        await stage.agent.wait_for_playout()
        await stage.avatar.push_audio(AudioSegmentEnd())  # as a receiver says after it was cleared
        num_pictures = len(stage.room.pictures)
        await stage.room.until(lambda room: len(room.pictures) > num_pictures + 5)
        assert stage.room.pictures[-1] == 0
        await stage.say(steps(*[0.2] * 5))
        await stage.agent.wait_for_playout()

    stage = perform(loop, scene)
    first, second = stage.finished
    assert first.interrupted
    assert first.playback_position < 5.0
    assert not second.interrupted
    assert second.playback_position == stage.told(0.2)


def test_an_end_without_speech_is_told_to_nobody(loop: asyncio.Runner) -> None:
    async def scene(stage: Stage) -> None:
        await stage.avatar.push_audio(AudioSegmentEnd())
        await stage.room.until(lambda room: len(room.pictures) > 5)

    stage = perform(loop, scene)
    assert stage.finished == []
    assert stage.started == []  # pictures alone start no playback


@pytest.mark.parametrize("rest", [(), (0.3, 0.3)], ids=["that says no more", "that goes on"])
def test_an_answer_that_stops_in_the_middle_and_ends_late_ends_once(
    loop: asyncio.Runner, rest: tuple[float, ...]
) -> None:
    async def scene(stage: Stage) -> None:
        first, second = steps(0.5, 0.5, 0.5), steps(*rest)
        await stage.agent.capture_frame(rtc.AudioFrame(first.tobytes(), RATE, 1, len(first)))
        await stage.room.until(lambda room: max(room.pictures, default=0) > 200)
        num_pictures = len(stage.room.pictures)
        await stage.room.until(lambda room: len(room.pictures) > num_pictures + 15)  # long enough to be given up
        assert stage.finished == []
        if rest:
            await stage.agent.capture_frame(rtc.AudioFrame(second.tobytes(), RATE, 1, len(second)))
        stage.agent.flush()
        await stage.agent.wait_for_playout()
        await stage.room.until(lambda room: len(room.pictures) > num_pictures + 25)

    stage = perform(loop, scene, abandon_ms=200)
    (finished,) = stage.finished
    assert finished.playback_position == stage.told((3 + len(rest)) * STEP / RATE)


def test_an_agent_in_the_room_speaks_is_interrupted_and_speaks_again(loop: asyncio.Runner) -> None:
    session = make_session()

    async def run() -> list[PlaybackFinishedEvent]:
        agent_room, avatar_room = wired()
        avatar = LiveKitAvatar(session)
        receiver = DataStreamAudioReceiver(avatar_room)
        runner = AvatarRunner(avatar_room, audio_recv=receiver, video_gen=avatar, options=avatar.options)
        avatar.plays_through(runner.av_sync)
        await runner.start()
        agent = DataStreamAudioOutput(agent_room, destination_identity="avatar", wait_playback_start=True)
        finished: list[PlaybackFinishedEvent] = []
        agent.on("playback_finished", finished.append)

        async def say(sound: NDArray[np.int16]) -> None:
            for piece in np.split(sound, range(1_000, len(sound), 1_000)):
                await agent.capture_frame(rtc.AudioFrame(piece.tobytes(), RATE, 1, len(piece)))
            agent.flush()

        try:
            async with asyncio.timeout(20):
                await say(steps(*[0.3] * 6))
                await agent.wait_for_playout()
                await say(steps(*[0.5] * 250))
                await avatar_room.until(lambda room: max(room.pictures, default=0) > 200)
                agent.clear_buffer()
                await agent.wait_for_playout()
                await say(steps(*[0.3] * 6))
                await agent.wait_for_playout()
        finally:
            await runner.aclose()
            await avatar_room.close()
        return finished

    finished = loop.run(run())
    assert [event.interrupted for event in finished] == [False, True, False]
    assert finished[0].playback_position == told(session, 0.24)
    assert 0.0 < finished[1].playback_position < 5.0
    assert finished[2].playback_position == told(session, 0.24)


async def media_of(avatar: LiveKitAvatar, *pushed: rtc.AudioFrame | AudioSegmentEnd) -> list[Media]:
    """What the avatar gives until the end of the segment, without a runner."""

    async def speak() -> None:
        for frame in pushed:
            await avatar.push_audio(frame)
        await avatar.aclose()

    speaking = asyncio.create_task(speak())
    media = [item async for item in avatar]
    await speaking
    return media


def test_sound_comes_before_its_picture_and_the_end_after_the_last(loop: asyncio.Runner) -> None:
    sound = steps(0.1, 0.2, 0.3, 0.4, 0.5)
    media = loop.run(
        media_of(LiveKitAvatar(make_session()), rtc.AudioFrame(sound.tobytes(), RATE, 1, len(sound)), AudioSegmentEnd())
    )
    first = next(index for index, item in enumerate(media) if isinstance(item, rtc.AudioFrame))
    assert all(isinstance(item, rtc.VideoFrame) for item in media[:first])
    spoken = [item for item in media[first:] if isinstance(item, rtc.AudioFrame)]
    assert b"".join(bytes(item.data.cast("B")) for item in spoken).strip(b"\0") == sound.tobytes().strip(b"\0")
    assert [isinstance(item, AudioSegmentEnd) for item in media].count(True) == 1
    last_sound = max(index for index, item in enumerate(media) if isinstance(item, rtc.AudioFrame))
    picture, end = media[last_sound + 1 : last_sound + 3]
    assert isinstance(picture, rtc.VideoFrame)
    assert isinstance(end, AudioSegmentEnd)


def test_stereo_of_another_rate_is_converted(loop: asyncio.Runner) -> None:
    sound = np.repeat(steps(*[0.25] * 5, rate=48_000), 2)
    media = loop.run(
        media_of(
            LiveKitAvatar(make_session()),
            rtc.AudioFrame(sound.tobytes(), 48_000, 2, len(sound) // 2),
            AudioSegmentEnd(),
        )
    )
    frames = [item for item in media if isinstance(item, rtc.AudioFrame)]
    assert {(frame.sample_rate, frame.num_channels) for frame in frames} == {(RATE, 1)}
    heard = np.trim_zeros(np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames]))
    assert len(heard) == pytest.approx(5 * STEP, abs=32)
    assert heard[STEP:-STEP] == pytest.approx(0.25 * 32767, abs=80)


def test_options_are_those_of_the_session() -> None:
    options = LiveKitAvatar(make_session()).options
    assert (options.video_width, options.video_height, options.video_fps) == (SIDE, SIDE, FPS)
    assert (options.audio_sample_rate, options.audio_channels) == (RATE, 1)


def test_a_renderer_that_fails_ends_the_stream_and_holds_nobody(loop: asyncio.Runner) -> None:
    def fail(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        raise RenderError("the texture is gone")

    async def run() -> None:
        avatar = LiveKitAvatar(make_session(draw=fail))
        pushing = asyncio.create_task(avatar.push_audio(rtc.AudioFrame(bytes(2 * STEP), RATE, 1, STEP)))
        with pytest.raises(RenderError, match="the texture is gone"):
            async for _ in avatar:
                raise AssertionError("a picture that could not be drawn")
        await pushing

    loop.run(run())
