"""Where a model is good and where it is not: by channel, speaker, language, length of clip, sound, phoneme class."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.eval.cases import Case
from src.eval.clip_figures import MAE, Figure, Weighted, channel_figures, seen_span
from src.eval.estimates import Estimate
from src.eval.lip_metrics import LIP_MAE
from src.eval.lip_sync import MOUTH
from src.eval.metrics import Measurement, Metric, pearson_r, std_ratio
from src.eval.rows import Bootstrap, Figures, pooled
from src.motion import core7_of

SHOWN = ("pearson_r", "ccc", "std_ratio", "lip_mae", "lag", "closure_recall")
"""Figures of groups of clips."""

OPENING = Metric(
    "opening",
    1,
    "Mean opening",
    "of face size",
    "Mean predicted mouth opening over the frames of a group.",
    "ours",
)
TRUE_OPENING = replace(
    OPENING,
    id="true_opening",
    label="True mean opening",
    definition="Mean true mouth opening over the frames of a group: what its mean opening should be.",
)

SLICE_FIGURES = {
    MAE.id: Figure(MAE, "frames"),
    OPENING.id: Figure(OPENING, "frames"),
    TRUE_OPENING.id: Figure(TRUE_OPENING, "frames"),
}
"""Figures that only slices have, by id."""

SHORT_S = 3.0
"""Clips below are words and phrases: a network hears little before they begin."""


@dataclass(frozen=True)
class Slice:
    """The clips or frames of a row, divided.

    Attributes:
        label, definition: for people.
        groups: figures by the name of a group, by id; in the order to be shown.
        labels: names for people, of those groups that have another.
    """

    label: str
    definition: str
    groups: Mapping[str, Mapping[str, Estimate]]
    labels: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        groups = {
            name: {
                "label": self.labels.get(name, name),
                "figures": {metric: figure.to_dict() for metric, figure in figures.items()},
            }
            for name, figures in self.groups.items()
        }
        return {"label": self.label, "definition": self.definition, "groups": groups}


def by_channel(cases: Sequence[Case], bootstrap: Bootstrap) -> Slice:
    """Each channel of the model's own vocabulary against the truth."""
    per_clip = [channel_figures(case) for case in cases]
    speakers = [case.speaker for case in cases]
    channels = cases[0].reference.spec.channels if cases else ()
    groups = {
        channel.name: pooled([clip[channel.name] for clip in per_clip], speakers, bootstrap) for channel in channels
    }
    return Slice(
        "By channel",
        "Every channel frame by frame, errors in its own unit. A channel that a model holds at its mean has no "
        "correlation.",
        groups,
        {channel.name: f"{channel.name} ({channel.unit})" for channel in channels},
    )


def by_clip(
    cases: Sequence[Case],
    clips: Sequence[Figures],
    bootstrap: Bootstrap,
    *,
    label: str,
    definition: str,
    group_of: Callable[[Case], str],
) -> Slice:
    """Clips in groups, the groups in the order of their names.

    Args:
        cases: the clips.
        clips: their figures.
        bootstrap: for the intervals.
        label, definition: of the slice.
        group_of: the name of a clip's group; empty for none.
    """
    names = [group_of(case) for case in cases]
    groups = {}
    for name in sorted(set(names) - {""}):
        rows = [row for row, own in enumerate(names) if own == name]
        figures = [{metric: clips[row][metric] for metric in SHOWN if metric in clips[row]} for row in rows]
        groups[name] = pooled(figures, [cases[row].speaker for row in rows], bootstrap)
    return Slice(label, definition, groups, {})


def by_frame(
    cases: Sequence[Case],
    masks: Sequence[Mapping[str, NDArray[np.bool_]]],
    bootstrap: Bootstrap,
    *,
    label: str,
    definition: str,
    labels: Mapping[str, str],
) -> Slice:
    """Frames in groups: mouth opening over those of each group.

    Args:
        cases: the clips.
        masks: of each clip (T,) marks by the name of a group; a clip may lack groups.
        bootstrap: for the intervals.
        label, definition: of the slice.
        labels: of the groups, in the order to be shown.
    """
    groups = {}
    for name in labels:
        rows = [row for row, own in enumerate(masks) if name in own]
        figures = [_of_frames(cases[row], masks[row][name]) for row in rows]
        found = pooled(figures, [cases[row].speaker for row in rows], bootstrap)
        if any(figure.value is not None for figure in found.values()):
            groups[name] = found
    return Slice(label, definition, groups, labels)


def sound_masks(case: Case, silent: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Frames of speech and of silence, from the first seen frame to the last."""
    inside = np.zeros(len(silent), bool)
    inside[seen_span(case.reference.valid)] = True
    return {"speech": inside & ~silent, "silence": inside & silent}


def _of_frames(case: Case, mask: NDArray[np.bool_]) -> Figures:
    """Figures of some frames of a clip.

    Errors and openings are pooled over the frames of all clips, so that a clip may have a few; what compares movements
    within a clip needs `MINIMUM_FRAMES` of them.
    """
    counts = mask & case.reference.valid
    mouth, true = (core7_of(motion).channel(MOUTH)[counts] for motion in (case.predicted, case.reference))
    figures = [pearson_r(mouth, true), std_ratio(mouth, true)]
    for metric, curve in ((LIP_MAE, np.abs(mouth - true)), (OPENING, mouth), (TRUE_OPENING, true)):
        none = Measurement(metric, None, "no frame of the group was seen")
        figures.append(Measurement(metric, float(curve.mean(dtype=np.float64))) if len(curve) else none)
    return {one.metric.id: Weighted(one, int(counts.sum())) for one in figures}
