"""What a written video really shows, held against what its own sound should make it show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.eval.lip_sync import AV_OFFSET, av_offset_ms, compare_mouths, mouth_in_silence
from src.eval.metrics import PEARSON_R, SILENCE_SPEED, SILENCE_STD, Measurement
from src.motion import Motion


@dataclass(frozen=True, eq=False)
class Shown:
    """A written video, looked at again. Times are seconds after its first audio sample.

    Attributes:
        video: the file.
        waveform: (S,) its sound track.
        sample_rate_hz: of the waveform.
        predicted: the model's motion of that sound track.
        motion: what the pictures show; None when it was not looked for or not found.
        av_offset, lip_r: of the pictures against the prediction.
        silence_std, silence_speed: of the mouth in the pictures.
    """

    video: Path
    waveform: NDArray[np.float32]
    sample_rate_hz: int
    predicted: Motion
    motion: Motion | None
    av_offset: Measurement
    lip_r: Measurement
    silence_std: Measurement
    silence_speed: Measurement


def judge(
    video: Path,
    waveform: NDArray[np.float32],
    sample_rate_hz: int,
    predicted: Motion,
    motion: Motion | None,
    missing: str = "",
) -> Shown:
    """Measure the pictures of a video against its sound.

    Args:
        video, waveform, sample_rate_hz, predicted, motion: see `Shown`.
        missing: why there is no `motion`.
    """
    if motion is None:
        r, offset, spread, speed = unmeasured(missing)
    else:
        r, offset = compare_mouths(motion, predicted).r, av_offset_ms(motion, predicted)
        spread, speed = mouth_in_silence(motion, waveform, sample_rate_hz)
    return Shown(video, waveform, sample_rate_hz, predicted, motion, offset, r, spread, speed)


def unmeasured(reason: str) -> tuple[Measurement, Measurement, Measurement, Measurement]:
    """Correlation, A/V offset, spread and speed in silence, all missing for one reason."""
    metrics = (PEARSON_R, AV_OFFSET, SILENCE_STD, SILENCE_SPEED)
    r, offset, spread, speed = (Measurement(metric, None, reason) for metric in metrics)
    return r, offset, spread, speed


def shown_record(shown: Shown | None) -> dict[str, Any]:
    """Figures of the written video; beside a missing one stands `<key>_reason`.

    Args:
        shown: None when the sink wrote no video.
    """
    if shown is None:
        r, offset, spread, speed = unmeasured("the sink writes no video")
    else:
        r, offset, spread, speed = shown.lip_r, shown.av_offset, shown.silence_std, shown.silence_speed
    record: dict[str, Any] = {}
    for key, measurement in (
        ("av_offset_ms", offset),
        ("shown_lip_r", r),
        ("shown_silence_std", spread),
        ("shown_silence_speed", speed),
    ):
        record |= measurement_record(key, measurement)
    return record


def measurement_record(key: str, measurement: Measurement) -> dict[str, Any]:
    """A measurement under a key; beside a missing value stands `<key>_reason`."""
    record: dict[str, Any] = {key: measurement.value if measurement.value is None else round(measurement.value, 4)}
    if measurement.value is None:
        record[f"{key}_reason"] = measurement.reason
    return record
