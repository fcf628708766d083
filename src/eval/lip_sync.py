"""The first evaluation: does the mouth follow the voice, measured on motion and on the shown video.

The same functions serve predicted against reference motion and shown against predicted motion, so
that figures of one table come from one code path.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.eval.metrics import (
    LAG,
    Measurement,
    Metric,
    frame_rms,
    lag_ms,
    pearson_r,
    silence_stability,
    std_ratio,
)
from src.motion import Motion

MOUTH = "jaw_open"
MAX_LAG_MS = 400.0
"""Search range of lags; ITU-R BT.1359 calls everything beyond 185 ms unacceptable."""

AV_OFFSET = replace(
    LAG,
    id="av_offset",
    label="A/V offset",
    definition="Measured on the written video: mouth opening found again in its pictures against the model's "
    "prediction on the sound track of the same file; the shift at which they correlate best. Positive: the "
    "picture is later than the sound.",
)


@dataclass(frozen=True)
class LipSync:
    """Figures of one motion against a reference."""

    r: Measurement
    lag: Measurement
    movement: Measurement


def compare_mouths(predicted: Motion, reference: Motion) -> LipSync:
    """Mouth opening of a motion against a reference, over the frames that both cover and have seen.

    Args:
        predicted, reference: motions with a `jaw_open` channel and the same frame rate. Frames that
            the reference marks as guessed count for the lag, which needs an unbroken grid, but not
            for correlation and spread.

    Raises:
        MotionError: different frame rates or start times off the common grid.
    """
    first, second, seen = common_mouths(predicted, reference)
    return LipSync(
        r=pearson_r(first[seen], second[seen]),
        lag=lag_ms(first, second, fps=reference.fps, max_lag_ms=MAX_LAG_MS),
        movement=std_ratio(first[seen], second[seen]),
    )


def av_offset_ms(shown: Motion, predicted: Motion) -> Measurement:
    """How much later the picture of a video is than its sound.

    Metric `av_offset`, version 1, milliseconds. Definition: `lag` of the mouth opening that was found
    again in the pictures against the one predicted from the sound track of the same file. Source: ours;
    tests shift a sound track by 80 ms and read 80 ms.
    """
    return as_metric(compare_mouths(shown, predicted).lag, AV_OFFSET)


def mouth_in_silence(motion: Motion, waveform: NDArray[np.float32], sample_rate_hz: int) -> tuple[Measurement, ...]:
    """`silence_std` and `silence_speed` of a motion over its sound, both starting at time 0."""
    loudness = frame_rms(waveform, sample_rate_hz, motion.fps, len(motion))
    return silence_stability(motion.channel(MOUTH), loudness, fps=motion.fps)


def mouth_record(
    motion: Motion, reference: Motion | None, waveform: NDArray[np.float32], sample_rate_hz: int
) -> dict[str, float | None]:
    """What a mouth does, in plain numbers for a report: against the true motion, and in silence.

    Args:
        motion: predicted, or found again in the pictures of a video; from time 0 of the sound.
        reference: true motion of the sound; None if unknown.
        waveform: (S,) the sound.
        sample_rate_hz: of the waveform.

    Returns:
        `r`, `lag_ms` and `movement` (of spreads), None without a reference or where they can't be
        measured; `silence_std` and `silence_speed`, None where there is no silence.
    """
    spread, speed = mouth_in_silence(motion, waveform, sample_rate_hz)
    measured: dict[str, Measurement | None] = dict.fromkeys(("r", "lag_ms", "movement"))
    if reference is not None:
        sync = compare_mouths(motion, reference)
        measured = {"r": sync.r, "lag_ms": sync.lag, "movement": sync.movement}
    measured |= {"silence_std": spread, "silence_speed": speed}
    return {name: None if one is None or one.value is None else round(one.value, 4) for name, one in measured.items()}


def common_mouths(
    predicted: Motion, reference: Motion
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Mouth opening of two motions over the frames that both cover.

    Returns:
        (T,) predicted, (T,) reference, (T,) True where the frame was seen in both.

    Raises:
        MotionError: different frame rates, or start times that are not whole frames apart.
    """
    gap = (reference.start_s - predicted.start_s) * predicted.fps
    if predicted.fps != reference.fps or abs(gap - round(gap)) > 0.01:
        raise MotionError(
            f"motion of {predicted.fps:g} fps from {predicted.start_s:g} s and of {reference.fps:g} fps from "
            f"{reference.start_s:g} s share no grid. Sample one at the times of the other first."
        )
    skip = round(gap)
    first, second = predicted.channel(MOUTH)[max(skip, 0) :], reference.channel(MOUTH)[max(-skip, 0) :]
    seen_first, seen_second = predicted.valid[max(skip, 0) :], reference.valid[max(-skip, 0) :]
    length = min(len(first), len(second))
    return first[:length], second[:length], seen_first[:length] & seen_second[:length]


def as_metric(measurement: Measurement, metric: Metric) -> Measurement:
    """The same number under the name that it has in another place."""
    return replace(measurement, metric=metric)
