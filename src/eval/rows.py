"""Rows of the tables, measured: figures with intervals, and what one row has over another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from src.eval.accumulators import POOLED_THROUGH, ClipPool, IntensityPool
from src.eval.cases import Case
from src.eval.clip_figures import FIGURES, Heard, Weighted, clip_figures, intensity_of
from src.eval.controls import Row
from src.eval.estimates import Estimate, difference
from src.eval.metrics import Measurement
from src.eval.perceptual_metrics import SLCC

Figures = Mapping[str, Weighted]
MeasureClip = Callable[[Case], Mapping[str, Weighted]]
"""Further figures of a case, by id."""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn."""

    draws: int
    seed: int


@dataclass(frozen=True, eq=False)
class MeasuredRow:
    """A row with its figures.

    Attributes:
        row: what was measured.
        clips: figures of each clip, by id; means over the row's draws.
        figures: of all clips, by id.
    """

    row: Row
    clips: Sequence[Figures]
    figures: Mapping[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            "label": self.row.label,
            "kind": self.row.kind,
            "definition": self.row.definition,
            "figures": {name: figure.to_dict() for name, figure in self.figures.items()},
        }


def measure(row: Row, heard: Sequence[Heard], bootstrap: Bootstrap, further: Sequence[MeasureClip] = ()) -> MeasuredRow:
    """Measure all clips of a row.

    Args:
        row: what.
        heard: of each clip, see `hear`.
        bootstrap: for the intervals.
        further: more figures of a clip, such as those of landmarks.
    """
    speakers = [case.speaker for case in row.draws[0]]
    intensities = IntensityPool(speakers)
    per_draw = []
    for cases in row.draws:
        of_clips = []
        for case, sound in zip(cases, heard, strict=True):
            own = dict(clip_figures(case, sound))
            for more in further:
                own |= more(case)
            of_clips.append(own)
        per_draw.append(of_clips)
    for case, sound in zip(row.draws[0], heard, strict=True):
        lips = intensity_of(case)
        if lips is not None:
            intensities.update(lips, sound.intensity, case.speaker)
    clips = [_mean_of(draws) for draws in zip(*per_draw, strict=True)]
    figures = pooled(clips, speakers, bootstrap)
    figures[SLCC.id] = intensities.estimate(draws=bootstrap.draws, seed=bootstrap.seed)
    order = {name: place for place, name in enumerate(FIGURES)}
    return MeasuredRow(row, clips, dict(sorted(figures.items(), key=lambda item: order.get(item[0], len(order)))))


def pooled(clips: Sequence[Figures], speakers: Sequence[str], bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Figures of many clips from those of each, by id."""
    names = list(dict.fromkeys(name for clip in clips for name in clip))
    found = {}
    for name in names:
        pool = ClipPool(speakers, POOLED_THROUGH.get(name))
        for clip, speaker in zip(clips, speakers, strict=True):
            if name in clip:
                pool.update(clip[name].measurement, clip[name].weight, speaker)
        found[name] = pool.estimate(draws=bootstrap.draws, seed=bootstrap.seed)
    return found


def differences(
    first: MeasuredRow, second: MeasuredRow, speakers: Sequence[str], bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """First less second, figure by figure, over the clips for which both have one and with the weights of the first."""
    found = {}
    for name in dict.fromkeys(name for clip in first.clips for name in clip):
        pairs = [(one.get(name), other.get(name)) for one, other in zip(first.clips, second.clips, strict=True)]
        apart = difference(
            [None if one is None else one.measurement.value for one, _ in pairs],
            [None if other is None else other.measurement.value for _, other in pairs],
            [0.0 if one is None else one.weight for one, _ in pairs],
            speakers,
            draws=bootstrap.draws,
            seed=bootstrap.seed,
        )
        found[name] = apart if apart.clips else replace(apart, reason="no clip has a figure in both rows")
    return found


def _mean_of(draws: Sequence[Figures]) -> Figures:
    """One clip's figures as means over draws, of those that have a value."""
    if len(draws) == 1:
        return draws[0]
    return {name: _mean([figures[name] for figures in draws]) for name in draws[0]}


def _mean(figures: Sequence[Weighted]) -> Weighted:
    values = [one.measurement.value for one in figures if one.measurement.value is not None]
    weight = float(np.mean([one.weight for one in figures]))
    first = figures[0].measurement
    return Weighted(Measurement(first.metric, float(np.mean(values))) if values else first, weight)
