"""Figures of many clips, gathered clip by clip and over processes: `torchmetrics` around the functions of this package.

A figure of a data set is not the function applied to all frames put together: clips end, and faces differ. Each clip
is measured by itself, and its weight says how the figure is pooled: by frames, seconds, events, or 1 for each clip.
States are lists that concatenate, so that several processes give what one would that saw all clips; what goes over the
wire are numbers, which is why an accumulator knows the names of all speakers from the start.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric as Accumulator
from torchmetrics.utilities import dim_zero_cat

from src.errors import ConfigError
from src.eval.estimates import Estimate, estimate
from src.eval.landmark_metrics import LVE_ROOT
from src.eval.metrics import FLAT, Measurement
from src.eval.perceptual_metrics import slcc
from src.eval.picture_metrics import PSNR


class _OfSpeakers(Accumulator):
    """What accumulators have in common: lists of numbers, and of who spoke."""

    full_state_update = False
    rows: list[Tensor]

    def __init__(self, speakers: Sequence[str]) -> None:
        super().__init__()
        self.speakers = tuple(sorted(set(speakers)))
        self._places = {name: place for place, name in enumerate(self.speakers)}
        self.add_state("rows", [], dist_reduce_fx="cat")

    def _add(self, first: float, second: float, speaker: str) -> None:
        if speaker not in self._places:
            raise ConfigError(f"speaker {speaker!r} is none of the {len(self.speakers)} of this figure. Name them all.")
        self.rows.append(torch.tensor([[first, second, self._places[speaker]]], dtype=torch.float64))

    def _columns(self) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
        """Both numbers of every clip of all processes, and its speaker; inside a synchronised block."""
        rows = dim_zero_cat(self.rows).cpu().numpy() if len(self.rows) else np.empty((0, 3))
        return rows[:, 0], rows[:, 1], [self.speakers[int(place)] for place in rows[:, 2]]


@dataclass(frozen=True)
class Through:
    """What a figure is averaged as, where that is not the figure: `back` undoes `forth`."""

    forth: Callable[[float], float]
    back: Callable[[float], float]


MEAN_SQUARE = Through(lambda root: root**2, math.sqrt)
"""For roots of mean squares, such as `lve_root`: the root is taken of all clips together."""

DECIBEL = Through(lambda decibel: 10.0 ** (-decibel / 10.0), lambda ratio: -10.0 * math.log10(ratio))
"""For ratios in dB, such as `psnr`, which is averaged as the squared error that it stands for."""

POOLED_THROUGH = {LVE_ROOT.id: MEAN_SQUARE, PSNR.id: DECIBEL}
"""By the id of a figure; all others are averaged as they are."""


class ClipPool(_OfSpeakers):
    """The weighted mean of one figure over clips.

    Attributes:
        reasons: of the clips of this process that have no value, with their number.
    """

    def __init__(self, speakers: Sequence[str], through: Through | None = None) -> None:
        """Begin with no clips.

        Args:
            speakers: all that any process will name.
            through: what the figure is averaged as; None is itself.
        """
        super().__init__(speakers)
        self.reasons: Counter[str] = Counter()
        self._through = through

    def update(self, measurement: Measurement, weight: float, speaker: str) -> None:
        """Add a clip; without a value it counts nowhere."""
        value = measurement.value
        if value is None:
            self.reasons[measurement.reason] += 1
            value = np.nan
        elif self._through is not None:
            value = self._through.forth(value)
        self._add(value, weight, speaker)

    def compute(self) -> Tensor:
        """The mean; NaN where no clip has a value."""
        values, weights, _ = self._columns()
        counts = np.isfinite(values) & (weights > 0)
        if not counts.any():
            return torch.tensor(torch.nan)
        mean = float(np.average(values[counts], weights=weights[counts]))
        return torch.tensor(self._figure(mean))

    def estimate(self, *, draws: int, seed: int) -> Estimate:
        """The mean with its interval over speakers, see `src.eval.estimates`."""
        with self.sync_context():
            values, weights, speakers = self._columns()
        known = [float(value) if np.isfinite(value) else None for value in values]
        found = estimate(known, weights.tolist(), speakers, draws=draws, seed=seed)
        if found.value is None:
            return replace(found, reason=self.reasons.most_common(1)[0][0]) if self.reasons else found
        if found.low is None or found.high is None:
            return replace(found, value=self._figure(found.value))
        low, high = sorted((self._figure(found.low), self._figure(found.high)))
        return replace(found, value=self._figure(found.value), low=low, high=high)

    def reset(self) -> None:
        """Forget all clips."""
        super().reset()
        self.reasons.clear()

    def _figure(self, mean: float) -> float:
        return mean if self._through is None else self._through.back(mean)


class IntensityPool(_OfSpeakers):
    """SLCC: whether lips move more in louder speech, over all clips of all processes."""

    def update(self, lips: float, speech: float, speaker: str) -> None:
        """Add a clip: `lip_intensity` of its lips, and the root mean square of its sound."""
        self._add(lips, speech, speaker)

    def compute(self) -> Tensor:
        """The correlation; NaN where it can't be measured."""
        value = slcc(*self._columns()).value
        return torch.tensor(torch.nan if value is None else value)

    def estimate(self, *, draws: int, seed: int) -> Estimate:
        """The correlation with its interval over speakers.

        Standardised per speaker, all clips together correlate as the speakers do on average, each by its clips less
        one: the interval is that of this mean.
        """
        with self.sync_context():
            lips, speech, speakers = self._columns()
        whole = slcc(lips, speech, speakers)
        if whole.value is None:
            return Estimate(None, None, None, 0, 0, whole.reason)
        names = np.asarray(speakers)
        of_speaker, clips = {}, Counter(speakers)
        for name in clips:
            own = names == name
            pair = np.stack([lips[own], speech[own]])
            spread = pair.std(axis=1)
            if clips[name] > 1 and np.all(spread > FLAT * np.abs(pair).max(axis=1)):
                of_speaker[name] = float(np.corrcoef(pair)[0, 1])
        weights = [clips[name] - 1.0 for name in of_speaker]
        found = estimate(list(of_speaker.values()), weights, list(of_speaker), draws=draws, seed=seed)
        return replace(found, clips=sum(clips[name] for name in of_speaker))
