"""What a replayed recording looks like in the file that the engine wrote: its figures, beside their controls.

Part of `scripts.realtime_eval`. The written file is read again and its mouth found again by landmarks; nothing is taken
from the engine. It is held against the offline prediction, which is the model's motion of the whole recording, and
against a video of the person who really said it, where there is one.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from src.data.audio import Recording, load_recording
from src.data.labels import extract_motion
from src.data.video import read_images, read_timeline
from src.errors import DataError
from src.eval.cases import Case
from src.eval.clip_figures import FIGURES, Figure, Weighted, hear
from src.eval.controls import Row, model_row, shifted_row, shuffled_row, still_row, truth_row
from src.eval.lip_sync import MOUTH
from src.eval.live.controls import loudness_row
from src.eval.live.drift import Window, offsets_over_time
from src.eval.live.placement import Placement, place, placed
from src.eval.live.silence import SILENCE_STABILITY, silence_stability
from src.eval.metrics import Measurement, frame_rms, silent_frames
from src.eval.picture_metrics import PSNR, SSIM, Region, psnr, ssim
from src.eval.rows import Bootstrap, MeasuredRow, differences, measure
from src.eval.shown import Shown, judge
from src.motion import Motion, core7_of
from src.realtime.calibration import ClickPredictor
from src.realtime.predictor import SpeechToMotion

logger = logging.getLogger(__name__)

LIVE_FIGURES = {**FIGURES, SILENCE_STABILITY.id: Figure(SILENCE_STABILITY, "silent frames")}
"""Figures of the tables, by id."""

SHIFT_MS = 80.0


@dataclass(frozen=True, eq=False)
class Judged:
    """A replayed recording, looked at again.

    Attributes:
        name: of the recording.
        shown: the file, and what its pictures are against its own sound.
        placement: of the recording in the sound that was played; None where it was not found.
        case: what was shown against the offline prediction; None where no face was found or no sound played.
        reference: the same against the person who said it; None without.
        windows: the A/V offset over time.
        reason: why there is no case.
    """

    name: str
    shown: Shown
    placement: Placement | None
    case: Case | None
    reference: Case | None
    windows: Sequence[Window]
    reason: str = ""


def look_again(video: Path, predictor: SpeechToMotion | ClickPredictor) -> Shown:
    """Read a written video and find its mouth; where there is none, the figures say why."""
    track = load_recording(video, predictor.sample_rate_hz)
    predicted = core7_of(predictor.predict(track.waveform))
    try:
        motion, reason = extract_motion(video), ""
    except DataError as error:  # the run itself was good: report why its mouth could not be measured
        motion, reason = None, str(error)
        logger.warning("%s: %s", video, reason)
    return judge(video, track.waveform, track.sample_rate_hz, predicted, motion, reason)


def judge_recording(
    name: str, video: Path, recording: Recording, predictor: SpeechToMotion, reference: Motion | None
) -> Judged:
    """Hold what was written against what should have been.

    Args:
        name: of the recording.
        video: that the engine wrote of it.
        recording: what was spoken, at the predictor's rate.
        predictor: that drove the face.
        reference: motion of the person who said it, from the recording's first sample on; None without.
    """
    shown = look_again(video, predictor)
    if shown.motion is None:
        return Judged(name, shown, None, None, None, (), shown.av_offset.reason)
    try:
        placement = place(recording.waveform, shown.waveform, recording.sample_rate_hz)
    except DataError as error:
        return Judged(name, shown, None, None, None, (), str(error))
    offline = core7_of(predictor.predict(recording.waveform))
    return Judged(
        name,
        shown,
        placement,
        _case(name, shown, shown.motion, offline, placement),
        None if reference is None else _case(name, shown, shown.motion, reference, placement),
        offsets_over_time(shown.motion, shown.predicted),
    )


def _case(name: str, shown: Shown, motion: Motion, reference: Motion, placement: Placement) -> Case:
    known = placed(reference, placement, len(motion))
    known = replace(known, valid=known.valid & motion.valid)
    return Case(name, name, "", motion, known, shown.waveform, shown.sample_rate_hz)


def rest_figure(case: Case) -> dict[str, Weighted]:
    """`silence_stability` over the whole time line, the pauses around the recording included."""
    loudness = frame_rms(case.waveform, case.sample_rate_hz, case.predicted.fps, len(case.predicted))
    silent = int(silent_frames(loudness, fps=case.predicted.fps).sum())
    found = silence_stability(case.predicted.channel(MOUTH), loudness, fps=case.predicted.fps)
    return {SILENCE_STABILITY.id: Weighted(found, max(silent, 1))}


def measured_rows(
    cases: Sequence[Case], against: str, definition: str, bootstrap: Bootstrap, draws: int, offline: Sequence[Case] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was shown and its controls, by one code path.

    Args:
        cases: what was shown against what it is to be like.
        against, definition: what that is, for people.
        bootstrap: for the intervals, which are over recordings.
        draws: of shuffled audio.
        offline: the same recordings with the offline prediction in place of what was shown; none for no such row.

    Returns:
        Rows by id, and by how much the first is above each other one, as `scripts.evaluate` records them.
    """
    rows: list[Row] = [
        model_row(cases, "Shown", "The mouth in the written file, found again by its landmarks."),
        replace(truth_row(cases), label=against, definition=definition),
    ]
    if offline:
        rows.append(Row("offline", "Offline prediction", "ceiling", "The model's motion of the recording.", [offline]))
    shifted = [
        replace(
            shifted_row(cases, shift_ms),
            label=f"{against}, {SHIFT_MS:g} ms {word}",
            definition=f"The same moved by {shift_ms:+g} ms: what being out of time by so much costs each figure.",
        )
        for shift_ms, word in ((SHIFT_MS, "late"), (-SHIFT_MS, "early"))
    ]
    still = replace(
        still_row(cases, cases[0].reference.spec.neutral), label="Still face", definition="A face at rest, always."
    )
    shuffled = replace(
        shuffled_row(cases, draws=draws, seed=bootstrap.seed),
        definition="What was shown, cut anew a quarter to three quarters of all recordings further on, mean of "
        f"{draws} draws. What is left is chance.",
    )
    rows += [shuffled, loudness_row(cases), still, *shifted]
    heard = [hear(case) for case in cases]
    measured: dict[str, MeasuredRow] = {row.id: measure(row, heard, bootstrap, (rest_figure,)) for row in rows}
    own, names = measured["model"], [case.speaker for case in cases]
    return (
        {name: row.to_dict() for name, row in measured.items()},
        {
            name: {metric: found.to_dict() for metric, found in differences(own, other, names, bootstrap).items()}
            for name, other in measured.items()
            if other is not own
        },
    )


def encoding_cost(video: Path, kept: Mapping[int, Path], fps: float) -> tuple[Measurement, Measurement]:
    """How far the pictures of a file are from those that were drawn, where these move.

    Args:
        video: with a sound track.
        kept: files of drawn pictures, as NumPy writes them, by the slot of their time line.
        fps: slots per second.

    Returns:
        PSNR and SSIM of the region that moves; None where nothing was kept or moves.
    """
    timeline, start_s = read_timeline(video), load_recording(video).start_s
    slots = sorted(kept)
    places = timeline.nearest(np.array(slots) / fps + start_s)
    pairs = [(slot, int(place)) for slot, place in zip(slots, places, strict=True) if place >= 0]
    if len(pairs) < 2:
        reason = f"{len(pairs)} drawn pictures found in the file, 2 are needed"
        return Measurement(PSNR, None, reason), Measurement(SSIM, None, reason)
    drawn = np.stack([np.load(kept[slot]) for slot, _ in pairs])
    read = np.stack([image for _, image in read_images(video, timeline, np.array([place for _, place in pairs]))])
    moves = np.ptp(drawn.astype(np.int16), axis=0).max(axis=-1) > _MOVES
    if not moves.any():
        reason = "nothing moves in the pictures that were kept"
        return Measurement(PSNR, None, reason), Measurement(SSIM, None, reason)
    region = Region("moving", moves)
    return psnr(read, drawn, region), ssim(read, drawn, region)


_MOVES = 8
"""Of 255: a pixel that changes by more belongs to what moves."""
