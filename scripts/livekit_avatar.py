"""Be the avatar of a LiveKit agent: its speech comes through the room, pictures and sound go into it.

LIVEKIT_URL=wss://... LIVEKIT_TOKEN=... python -m scripts.livekit_avatar avatar=<avatar folder>
python -m scripts.livekit_avatar avatar=<avatar folder> speech=<recording> out=<file.mp4>

The agent sends its speech with `DataStreamAudioOutput(room, destination_identity=<identity of the token>)`. With
`speech` there is no room: what would have gone into it becomes a video. Needs the extra `livekit`, in `.venv-adapters`
(`make .venv-adapters`): LiveKit and MediaPipe don't go together, so make the avatar before, in `.venv`.
"""

import asyncio
import logging
import os
from pathlib import Path

import numpy as np
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, AvatarRunner, DataStreamAudioReceiver
from omegaconf import DictConfig

from scripts.entry import run
from scripts.live import cast_for, check_pace, check_packaged
from src.data.audio import Recording, load_recording
from src.errors import ConfigError, StreamError
from src.realtime.adapters.feed import pcm16
from src.realtime.adapters.livekit_avatar import LiveKitAvatar
from src.render.mp4 import Mp4Writer

logger = logging.getLogger(__name__)

URL, TOKEN = "LIVEKIT_URL", "LIVEKIT_TOKEN"
CHUNK_S = 0.1


def main(config: DictConfig) -> None:
    """Load the face, then speak in a room or into a file."""
    check_packaged(config)
    if config.speech is None:
        check_environment()
    animator = cast_for(config).animator
    animator.warm_up()
    check_pace(animator)
    avatar = LiveKitAvatar(animator.session(config.seed))
    if config.speech is None:
        asyncio.run(live_in_room(avatar, config.agent))
    else:
        recording = load_recording(Path(config.speech), animator.layout.sample_rate_hz)
        asyncio.run(speak_into_file(avatar, recording, Path(config.out)))
        logger.info("%s: %.1f s", config.out, len(recording.waveform) / recording.sample_rate_hz)


def check_environment() -> None:
    """See that the environment names a room.

    Raises:
        ConfigError: it does not.
    """
    missing = [name for name in (URL, TOKEN) if not os.environ.get(name)]
    if missing:
        raise ConfigError(
            f"no {' and no '.join(missing)} in the environment. Set both, as the agent's server gives them, or give "
            "speech=<recording> for a video without a room."
        )


async def live_in_room(avatar: LiveKitAvatar, agent: str | None) -> None:
    """Join the room of the environment and speak what the agent says, until the room closes.

    Args:
        avatar: not used before.
        agent: identity of the participant to listen to; None for the first agent.

    Raises:
        StreamError: the room can't be joined.
    """
    room, left = rtc.Room(), asyncio.Event()
    room.on("disconnected", lambda _: left.set())
    try:
        await room.connect(os.environ[URL], os.environ[TOKEN])
    except rtc.ConnectError as error:
        raise StreamError(f"{os.environ[URL]}: the room can't be joined ({error}). Check {URL} and {TOKEN}.") from error
    receiver = DataStreamAudioReceiver(room, sender_identity=agent)
    runner = AvatarRunner(room, audio_recv=receiver, video_gen=avatar, options=avatar.options)
    avatar.plays_through(runner.av_sync)
    logger.info("in the room %s as %s, waiting for the agent", room.name, room.local_participant.identity)
    await runner.start()
    ends = [asyncio.ensure_future(left.wait()), asyncio.ensure_future(runner.wait_for_complete())]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in done:
            end.result()
    finally:
        for end in ends:
            end.cancel()
        await runner.aclose()
        await avatar.aclose()
        await room.disconnect()


async def speak_into_file(avatar: LiveKitAvatar, speech: Recording, out: Path) -> None:
    """Give the avatar a recording as an agent would, all at once, and write what it gives until the end of it."""
    options = avatar.options
    rate, fps = options.audio_sample_rate, options.video_fps

    async def speak() -> None:
        size = round(CHUNK_S * rate)
        try:
            for start in range(0, len(speech.waveform), size):
                piece = speech.waveform[start : start + size]
                await avatar.push_audio(rtc.AudioFrame(pcm16(piece), rate, 1, len(piece)))
            await avatar.push_audio(AudioSegmentEnd())
        finally:
            await avatar.aclose()

    with Mp4Writer(
        out, width=options.video_width, height=options.video_height, fps=fps, sample_rate_hz=rate, preset="ultrafast"
    ) as film:
        speaking = asyncio.create_task(speak())
        silence = np.zeros(round(rate / fps), np.float32)
        sound, num_samples = silence, 0
        async for media in avatar:
            if isinstance(media, rtc.AudioFrame):
                sound = np.frombuffer(media.data, np.int16).astype(np.float32) / 32768.0
            elif isinstance(media, rtc.VideoFrame):
                image = np.frombuffer(media.data, np.uint8).reshape(media.height, media.width, 3)
                num_samples += len(sound)  # after a dropped picture it holds the sound of two
                film.add_image(image, num_samples / rate - 1.0 / fps)
                film.add_audio(sound)
                sound = silence
        await speaking


if __name__ == "__main__":
    run(main, "livekit_avatar")
