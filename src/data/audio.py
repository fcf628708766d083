"""Sound out of any file: mono float32 at one sample rate, on the container's own clock.

Samples are placed by their presentation times. What FFmpeg reports about encoder priming and edit
lists is honoured, a gap in the time stamps becomes silence, and the time of the first sample is kept,
so that pictures of the same file can be found at the instants of the sound.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray
from scipy.io import wavfile

from src.data.rejection import MediaError, Reason
from src.errors import DataError
from src.files import replacing

logger = logging.getLogger(__name__)

# Containers round time stamps to a millisecond and AAC packets last 21 ms; anything beyond this is a
# real hole (lost packets of a recorded call) or a real overlap, not rounding.
_GAP_TOLERANCE_S = 0.04
# A recorded call may pause for minutes; days of silence come from a damaged file, and would fill the memory.
_LONGEST_GAP_S = 600.0
# Encoders pad the last packet and muxers round durations; a file that lacks more than this was cut off.
_MISSING_TOLERANCE_S = 0.5


class TooLongError(DataError):
    """More sound than is taken."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Mono sound on the clock of its container.

    Attributes:
        waveform: (S,) float32 in [-1, 1], S >= 1.
        sample_rate_hz: samples per second of `waveform`.
        start_s: presentation time of sample 0 in the container, which its pictures share.
    """

    waveform: NDArray[np.float32]
    sample_rate_hz: int
    start_s: float

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return len(self.waveform) / self.sample_rate_hz


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A media file open for reading.

    Raises:
        MediaError: there is no such file, or FFmpeg does not recognise it.
    """
    if not path.is_file():
        raise MediaError(path, Reason.UNREADABLE, "no such file. Check the path.")
    try:
        # Titles in another encoding than they say are nobody's business here.
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError) as error:
        raise MediaError(
            path,
            Reason.UNREADABLE,
            f"not a media file that FFmpeg can open, or cut off before its index ({_short(error)}). "
            "Copy it again from its source, or convert it to mp4, mkv or wav.",
        ) from error
    with container:
        yield container


def load_recording(path: Path, sample_rate_hz: int = 16_000, *, longest_s: float = math.inf) -> Recording:
    """Decode the sound of an audio or video file.

    Channels are averaged. Resampling keeps time: sample n of the result is the sound at
    `start_s` + n / `sample_rate_hz` of the container.

    Args:
        path: anything FFmpeg reads: wav of any depth, rate and channel count, m4a, mp3, mp4, mkv, ...
        sample_rate_hz: rate of the result.
        longest_s: longer sound is refused as soon as so much was decoded, for files that nobody vouches for.

    Raises:
        MediaError: no such file, no media file, no sound in it, no samples in its sound, sound that
            ends before its declared length or stops decoding on the way.
        TooLongError: longer than `longest_s`.
    """
    path = Path(path)
    with opened(path) as container:
        if not container.streams.audio:
            raise MediaError(
                path, Reason.NO_AUDIO, "the file has no sound track. Give a file with speech, or merge the sound in."
            )
        stream = container.streams.audio[0]
        declared_s = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        # Formats without an index only estimate their length.
        declares = "mp4" in container.format.name.split(",")
        blocks, start_s = _decode(path, container, stream, sample_rate_hz, longest_s)
    if not blocks:
        raise MediaError(
            path, Reason.NO_AUDIO, "the sound track is empty (0 samples). Record it again or give another file."
        )
    waveform = np.clip(np.concatenate(blocks), -1.0, 1.0)
    if declares and len(waveform) / sample_rate_hz < declared_s - _MISSING_TOLERANCE_S:
        raise MediaError(
            path,
            Reason.TRUNCATED,
            f"the sound ends after {len(waveform) / sample_rate_hz:.2f} s of the declared {declared_s:.2f} s: the file "
            "was cut off. Copy it again from its source.",
        )
    if declares and declared_s:
        # An encoder fills its last packet with silence; the declared length leaves that out.
        waveform = waveform[: max(1, round(declared_s * sample_rate_hz))]
    return Recording(waveform, sample_rate_hz, start_s)


def save_wav(path: Path | str, waveform: NDArray[np.float32], sample_rate_hz: int) -> None:
    """Write (S,) samples in [-1, 1] as a 16-bit mono wav, atomically."""
    with replacing(Path(path)) as unfinished, open(unfinished, "wb") as file:
        wavfile.write(file, sample_rate_hz, np.round(waveform * 32767).astype(np.int16))


def _decode(
    path: Path, container: InputContainer, stream: AudioStream, sample_rate_hz: int, longest_s: float
) -> tuple[list[NDArray[np.float32]], float]:
    """Mono blocks at the wanted rate, and the presentation time of their first sample."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate_hz)
    blocks: list[NDArray[np.float32]] = []
    start_s, num_samples, rate = 0.0, 0, 0

    def push(samples: NDArray[np.float32]) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.rate = rate
        blocks.extend(out.to_ndarray()[0] for out in resampler.resample(frame))

    try:
        for frame in container.decode(stream):
            samples = _mono(frame)
            if rate == 0:
                rate, start_s = frame.rate, float(frame.time or 0.0)
            elif frame.rate != rate:
                raise MediaError(
                    path,
                    Reason.UNREADABLE,
                    f"the sample rate changes from {rate} to {frame.rate} Hz on the way. Convert the sound to one "
                    "rate.",
                )
            gap_s = 0.0 if frame.time is None else frame.time - (start_s + num_samples / rate)
            if gap_s > _LONGEST_GAP_S:
                raise MediaError(
                    path,
                    Reason.UNREADABLE,
                    f"the time stamps of the sound jump by {gap_s:.0f} s. Convert the file, or cut it there.",
                )
            if (num_samples + len(samples)) / rate + max(gap_s, 0.0) > longest_s:
                raise TooLongError(f"{path}: more than {longest_s:g} s of sound. Cut it, or give it in parts.")
            if gap_s > _GAP_TOLERANCE_S:
                logger.debug("%s: %.3f s without sound at %.3f s, filled with silence", path, gap_s, frame.time)
                samples = np.concatenate([np.zeros(round(gap_s * rate), np.float32), samples])
            elif gap_s < -_GAP_TOLERANCE_S:
                samples = samples[round(-gap_s * rate) :]
            if len(samples):
                push(samples)
                num_samples += len(samples)
    except (av.FFmpegError, OSError) as error:
        seconds = num_samples / rate if rate else 0.0
        raise MediaError(
            path,
            Reason.TRUNCATED if num_samples else Reason.UNREADABLE,
            f"the sound can't be decoded after {seconds:.2f} s ({_short(error)}): the file is cut off or damaged. "
            "Copy it again from its source.",
        ) from error
    if num_samples:
        blocks.extend(out.to_ndarray()[0] for out in resampler.resample(None))
    return _of_length(blocks, -(-num_samples * sample_rate_hz // rate) if rate else 0), start_s


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    """(S,) float32 in [-1, 1]: the mean of a frame's channels.

    Done here because the resampler's own downmix adds channels up (x 0.7) and would clip loud stereo.
    """
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, len(frame.layout.channels)).T
    if samples.dtype == np.uint8:
        return ((samples.astype(np.float32) - 128.0) / 128.0).mean(axis=0, dtype=np.float32)
    if np.issubdtype(samples.dtype, np.integer):
        # 24-bit sound arrives in the upper bits of 32.
        return (samples / np.float64(2 ** (8 * samples.dtype.itemsize - 1))).mean(axis=0).astype(np.float32)
    return samples.astype(np.float32).mean(axis=0, dtype=np.float32)


def _of_length(blocks: list[NDArray[np.float32]], length: int) -> list[NDArray[np.float32]]:
    """The blocks cut or zero-padded to `length` samples; the resampler's tail varies by a few."""
    if length == 0:
        return []
    waveform = np.concatenate(blocks)[:length] if blocks else np.zeros(0, np.float32)
    return [np.pad(waveform, (0, length - len(waveform))).astype(np.float32)]


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
