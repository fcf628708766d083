"""A Pipecat pipeline with an avatar in it: a text or a recording is spoken into a video.

python -m scripts.pipecat_avatar avatar=<avatar folder> text="Hello there." out=<file.mp4>
python -m scripts.pipecat_avatar avatar=<avatar folder> speech=<recording> out=<file.mp4>

In a pipeline of your own, put `AvatarProcessor(animator.session())` between speech synthesis and the transport's
output, with `video_out_enabled=True, audio_out_sample_rate=16000` and the size of the pictures in its parameters. Needs
the extra `pipecat`, in `.venv-adapters` (`make .venv-adapters`): Pipecat and MediaPipe don't go together, so make the
avatar before, in `.venv`.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
from loguru import logger as pipecat_logger
from omegaconf import DictConfig
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.workers.runner import WorkerRunner

from scripts.entry import run
from scripts.live import cast_for, check_pace, check_packaged
from src.data.audio import load_recording
from src.data.speech import EspeakSynthesizer
from src.errors import ConfigError
from src.realtime.adapters.feed import pcm16
from src.realtime.adapters.pipecat_avatar import AvatarProcessor
from src.render.mp4 import Mp4Writer

logger = logging.getLogger(__name__)

RATE_WPM, PITCH = 165, 50


class EspeakService(TTSService):
    """Speech of espeak-ng, which is there without a key or a model; put your own service in its place.

    Args:
        voice: language or accent, such as `en-us`.
    """

    def __init__(self, voice: str) -> None:
        settings = TTSSettings(model=None, voice=voice, language=None)
        super().__init__(push_start_frame=True, push_stop_frames=True, settings=settings)
        self._synthesizer = EspeakSynthesizer()
        self._voice = voice

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """The whole text as one piece of sound."""
        speech = await asyncio.to_thread(
            self._synthesizer.speak, text, voice=self._voice, variant="", rate_wpm=RATE_WPM, pitch=PITCH
        )
        yield TTSAudioRawFrame(pcm16(speech.waveform), speech.sample_rate_hz, 1, context_id=context_id)


class VideoFile(FrameProcessor):
    """The end of the pipeline: pictures and sound go into a file, by their time stamps.

    Args:
        film: open.
    """

    def __init__(self, film: Mp4Writer) -> None:
        super().__init__()
        self._film = film
        self._num_samples = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Write what belongs into the video and pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, OutputImageRawFrame):
            width, height = frame.size
            image = np.frombuffer(frame.image, np.uint8).reshape(height, width, 3)
            self._film.add_image(image, (frame.pts or 0) / 1e9)
        elif isinstance(frame, OutputAudioRawFrame):
            begin = round((frame.pts or 0) / 1e9 * frame.sample_rate)
            silence = np.zeros(max(begin - self._num_samples, 0), np.float32)
            sound = np.frombuffer(frame.audio, np.int16).astype(np.float32) / 32768.0
            self._film.add_audio(np.concatenate([silence, sound]))
            self._num_samples += len(silence) + len(sound)
        await self.push_frame(frame, direction)


def main(config: DictConfig) -> None:
    """Load the face, then run the pipeline to its end."""
    check_packaged(config)
    if (config.speech is None) == (config.text is None):
        raise ConfigError("give either text=<what to say> or speech=<recording>.")
    pipecat_logger.remove()
    pipecat_logger.add(sys.stderr, level="WARNING")
    animator = cast_for(config).animator
    animator.warm_up()
    check_pace(animator)
    layout, avatar = animator.layout, AvatarProcessor(animator.session(config.seed))
    if config.text is None:
        services, said = [], spoken_frames(Path(config.speech), layout.sample_rate_hz)
    else:
        services, said = [EspeakService(config.voice_of_text)], [TTSSpeakFrame(config.text)]
    with Mp4Writer(
        Path(config.out),
        width=layout.width,
        height=layout.height,
        fps=layout.fps,
        sample_rate_hz=layout.sample_rate_hz,
        preset="ultrafast",
    ) as film:
        asyncio.run(converse([*services, avatar, VideoFile(film)], said))
    logger.info("%s is complete", config.out)


def spoken_frames(path: Path, sample_rate_hz: int) -> list[Frame]:
    """A recording as a speech service would push it, all at once."""
    sound = pcm16(load_recording(path, sample_rate_hz).waveform)
    return [TTSStartedFrame(), TTSAudioRawFrame(sound, sample_rate_hz, 1), TTSStoppedFrame()]


async def converse(processors: list[FrameProcessor], said: list[Frame]) -> None:
    """Run a pipeline on frames and end it after them."""
    worker = PipelineWorker(Pipeline(processors))
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await worker.queue_frames([*said, EndFrame()])
    await runner.run()


if __name__ == "__main__":
    run(main, "pipecat_avatar")
