"""Sound of any kind into samples of the session: mono float32 in [-1, 1] at its rate, as it arrives.

Feeding a sound in pieces of any size gives the samples of feeding it whole (bit for bit at the rates that devices have,
to 1e-6 at odd ones, where FFmpeg sums in another order), at the time at which they were: a click at
t seconds stays at t. No sample is lost or made up over hours: S samples at a rate become round(S * own rate / rate),
however often the rate changes on the way. `tests/realtime/test_intake.py` holds us to that.
"""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 192_000
"""Rates that are understood."""
MOST_CHANNELS = 16
"""More are taken for (channels, S), the wrong way round."""
LOUDEST = 4.0
"""12 dB above full scale is clipped; floats above that are integers that nobody divided."""
FILTER_SAMPLES = 33
"""Of the lower of two rates: libswresample's filter is 32 samples long and one more may be rounded away. It waits for
all of it at the start of a stream, and for half of it from then on."""
PIECE_S = 1.0
"""Longer sound is resampled in pieces of this length: FFmpeg's frames have a largest size."""

Pcm = NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float32] | NDArray[np.float64] | bytes | bytearray | memoryview
"""Sound as it comes: an array (S,) or (S, channels), or bytes of 16-bit little-endian mono (s16le)."""

_FULL_SCALE = {"int16": 2.0**15, "int32": 2.0**31, "float32": 1.0, "float64": 1.0}


class AudioIntake:
    """One stream of sound. Not for several threads at once.

    Args:
        sample_rate_hz: of the samples that come out.
    """

    def __init__(self, *, sample_rate_hz: int) -> None:
        self._own_rate_hz = sample_rate_hz
        self.reset()

    def reset(self) -> None:
        """Forget what is held back; the next sound begins a new stream."""
        self._half_sample = b""
        self._rate_hz = self._own_rate_hz
        self._resampler: av.AudioResampler | None = None
        self._num_taken = 0  # at the rate of now
        self._owed = Fraction(0)  # samples out that the rates before now account for
        self._num_given = 0

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples that come out."""
        return self._own_rate_hz

    @property
    def latency_ms(self) -> float:
        """How much sound is held back at most at the rate of the last `take`; 0 at the session's own rate."""
        if self._rate_hz == self._own_rate_hz:
            return 0.0
        return 1000.0 * FILTER_SAMPLES / min(self._rate_hz, self._own_rate_hz)

    def most_samples(self, pcm: Pcm, sample_rate: int) -> int:
        """No less than the samples that `take` and a `finish` after it would give for this sound.

        Raises:
            StreamError: a rate that is not understood.
        """
        rate_hz = _checked_rate(sample_rate)
        num_in = len(pcm) if isinstance(pcm, np.ndarray) else (len(pcm) + 1) // 2
        held = 0 if rate_hz == self._rate_hz == self._own_rate_hz else 2 * FILTER_SAMPLES
        return -(-num_in * self._own_rate_hz // rate_hz) + held

    def take(self, pcm: Pcm, sample_rate: int) -> NDArray[np.float32]:
        """The samples that this sound completes.

        A call that raises has taken nothing.

        Args:
            pcm: see `Pcm`. Channels are averaged. Of an odd number of bytes the last one waits for the next call.
            sample_rate: of `pcm` in Hz, 8000 .. 192000. Another one than in the last call is a new source: what the
                filter held of the old one comes first.

        Returns:
            (s,) mono at `sample_rate_hz` in [-1, 1]; s may be 0. Where nothing is to be done it is `pcm` itself, which
            then belongs to the caller as before: who keeps the samples copies them.

        Raises:
            StreamError: another type, shape or rate, sound that is not finite, or floats far above 1.
        """
        rate_hz = _checked_rate(sample_rate)
        if isinstance(pcm, bytes | bytearray | memoryview):
            heard = self._half_sample + bytes(pcm)
            whole = len(heard) // 2 * 2
            samples, half_sample = (
                np.frombuffer(heard[:whole], "<i2").astype(np.float32) / np.float32(2**15),
                heard[whole:],
            )
        else:
            samples, half_sample = _mono(pcm), b""
        self._half_sample = half_sample
        if rate_hz == self._rate_hz:
            return self._resampled(samples)
        tail = self._end_of_rate()
        self._rate_hz = rate_hz
        return np.concatenate([tail, self._resampled(samples)])

    def finish(self) -> NDArray[np.float32]:
        """The rest of what was taken, at the end of a sentence. The next `take` begins a new stream."""
        tail = self._end_of_rate()
        self.reset()
        return tail

    def _resampled(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self._num_taken += len(samples)
        if self._rate_hz == self._own_rate_hz:
            self._num_given += len(samples)
            return samples
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=self._own_rate_hz)
        resampler, step = self._resampler, round(PIECE_S * self._rate_hz)

        def blocks() -> Iterator[NDArray[np.float32]]:
            for start in range(0, len(samples), step):
                piece = np.ascontiguousarray(samples[None, start : start + step])
                frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
                frame.rate = self._rate_hz
                yield from (out.to_ndarray()[0] for out in resampler.resample(frame))

        given = _joined(blocks())
        self._num_given += len(given)
        return given

    def _end_of_rate(self) -> NDArray[np.float32]:
        """What the filter still holds, as long as the sound taken says."""
        self._owed += Fraction(self._num_taken * self._own_rate_hz, self._rate_hz)
        missing = max(round(self._owed) - self._num_given, 0)
        tail = np.zeros(0, np.float32)
        if self._resampler is not None:
            tail = _joined(out.to_ndarray()[0] for out in self._resampler.resample(None))[:missing]
        self._resampler, self._num_taken = None, 0
        self._num_given += missing
        return np.pad(tail, (0, missing - len(tail)))


def _checked_rate(sample_rate: int) -> int:
    if not LOWEST_RATE_HZ <= sample_rate <= HIGHEST_RATE_HZ or int(sample_rate) != sample_rate:
        raise StreamError(
            f"audio with sample_rate={sample_rate}: a whole number of {LOWEST_RATE_HZ} .. {HIGHEST_RATE_HZ} Hz is "
            "understood. Pass the rate at which the sound was recorded."
        )
    return int(sample_rate)


def _mono(pcm: NDArray[np.generic]) -> NDArray[np.float32]:
    """(S,) samples in [-1, 1]."""
    if not isinstance(pcm, np.ndarray) or pcm.dtype.name not in _FULL_SCALE:
        kind = f"an array of {pcm.dtype}" if isinstance(pcm, np.ndarray) else type(pcm).__name__
        raise StreamError(
            f"audio is {kind}: expected a NumPy array of {', '.join(_FULL_SCALE)}, or bytes of 16-bit mono. Convert it."
        )
    if pcm.ndim not in (1, 2) or (pcm.ndim == 2 and not 1 <= pcm.shape[1] <= MOST_CHANNELS):
        raise StreamError(
            f"audio of shape {pcm.shape}: expected (S,) or (S, channels) with 1 .. {MOST_CHANNELS} channels. "
            "Transpose sound that lies as (channels, S)."
        )
    samples: NDArray[np.float32] = pcm.mean(axis=1, dtype=np.float64) if pcm.ndim == 2 else pcm  # type: ignore[assignment]
    scale = _FULL_SCALE[pcm.dtype.name]
    if scale != 1.0:
        return (samples / scale).astype(np.float32)
    peak = float(np.abs(samples).max(initial=0.0))
    if not peak <= LOUDEST:  # NaN too
        wrong = "holds NaN or infinity" if not np.isfinite(samples).all() else f"reaches {peak:g}"
        raise StreamError(
            f"audio of {pcm.dtype} {wrong}, but samples are finite numbers in [-1, 1]. Divide 16-bit values by 32768, "
            "or repair the source."
        )
    if peak > 1.0:
        samples = np.clip(samples, -1.0, 1.0)
    return samples.astype(np.float32, copy=False)


def _joined(blocks: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Blocks of a filter, which rings above 1 at loud edges."""
    joined = np.concatenate([np.zeros(0, np.float32), *blocks])
    return np.clip(joined, -1.0, 1.0, out=joined)
