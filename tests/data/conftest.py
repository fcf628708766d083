"""Small media files made in the test, and one face."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from src.data.landmarks import FaceLandmarker

WriteVideo = Callable[..., Path]


@pytest.fixture(scope="session")
def portrait() -> NDArray[np.uint8]:
    """(256, 256, 3) RGB picture of one face, about 100 pixels high."""
    return np.ascontiguousarray(skimage.data.astronaut()[0:256, 96:352])


@pytest.fixture(scope="session")
def face(portrait: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(478, 3) landmarks of that face, in pixels."""
    with FaceLandmarker(max_faces=1, static=True) as landmarker:
        return landmarker.detect(portrait)[0]


@pytest.fixture(scope="session")
def write_video() -> WriteVideo:
    """Write pictures at given presentation times, with sound that starts at another."""

    def write(
        path: Path,
        images: Sequence[NDArray[np.uint8]],
        times_s: Sequence[float],
        waveform: NDArray[np.float32] | None = None,
        *,
        audio_start_s: float = 0.0,
        sample_rate_hz: int = 16_000,
        audio_codec: str = "pcm_s16le",
        faststart: bool = False,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"movflags": "faststart"} if faststart else {}
        with av.open(str(path), "w", options=options) as container:
            video = container.add_stream("libx264", rate=1000, options={"crf": "10", "preset": "veryfast"})
            video.height, video.width = images[0].shape[:2]
            video.pix_fmt, video.codec_context.time_base = "yuv420p", Fraction(1, 1000)
            audio = None
            if waveform is not None:
                audio = container.add_stream(audio_codec, rate=sample_rate_hz, layout="mono")
            for image, time_s in zip(images, times_s, strict=True):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
                container.mux(video.encode(frame))
            container.mux(video.encode())
            if audio is not None and waveform is not None:
                for start in range(0, len(waveform), 1024):
                    samples = np.ascontiguousarray(waveform[None, start : start + 1024])
                    frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), format="flt", layout="mono")
                    frame.rate, frame.time_base = sample_rate_hz, Fraction(1, sample_rate_hz)
                    frame.pts = start + round(audio_start_s * sample_rate_hz)
                    container.mux(audio.encode(frame))
                container.mux(audio.encode())
        return path

    return write


@pytest.fixture(scope="session")
def write_talking(write_video: WriteVideo, portrait: NDArray[np.uint8]) -> WriteVideo:
    """Write a clip of the portrait, wandering sideways, with a babble of noise: enough for a clip."""

    def write(path: Path, *, seconds: float = 1.2, seed: int = 0, image: NDArray[np.uint8] = portrait) -> Path:
        generator = np.random.default_rng(seed)
        times_s = np.arange(round(seconds * 25)) / 25
        shifts = np.round(4 * np.sin(2 * np.pi * times_s + seed)).astype(int)
        images = [np.roll(image, shift, axis=1) for shift in shifts]
        waveform = generator.normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)
        return write_video(path, images, times_s, waveform, audio_codec="aac", faststart=True)

    return write
