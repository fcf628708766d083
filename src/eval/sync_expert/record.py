"""How good a sync expert is: what stands beside every figure that it gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.eval.sync_expert.figures import GROUP_WINDOWS, offset_hits, sync_figures
from src.eval.sync_expert.shift_curve import ShiftCurve, pooled
from src.motion import FRAMES_PER_SECOND

LEAST_ACCURACY = 0.6
"""Below, an expert is as good as chance, 0.5, and its figures say nothing."""


@dataclass(frozen=True)
class ExpertRecord:
    """How well an expert does on true motion.

    Attributes:
        accuracy: see `figures.SYNC_ACCURACY`; None where too few windows can be told apart.
        offset_hits, offset_groups: of how many groups of 2 s of a speaker's clips the offset is found within a frame.
        offset_ms, confidence, distance: of all windows together, as for any motion; None where not measurable.
        distances: (31,) the shift curve: mean distances at shifts of -15 to 15 frames; None where there is no window.
        clips, speakers, windows: that were judged.
    """

    accuracy: float | None
    offset_hits: int
    offset_groups: int
    offset_ms: float | None
    confidence: float | None
    distance: float | None
    distances: tuple[float | None, ...]
    clips: int
    speakers: int
    windows: int

    @classmethod
    def of(cls, curves: Sequence[ShiftCurve], speakers: Sequence[str]) -> "ExpertRecord":
        """The record over clips of true motion, one curve and one speaker each."""
        figures, whole = sync_figures(curves), pooled(curves)
        hits, groups = offset_hits(curves, speakers)
        judged = [speaker for speaker, curve in zip(speakers, curves, strict=True) if curve.num_windows]
        return cls(
            accuracy=figures.accuracy.value,
            offset_hits=hits,
            offset_groups=groups,
            offset_ms=figures.offset.value,
            confidence=figures.confidence.value,
            distance=figures.distance.value,
            distances=tuple(None if np.isnan(mean) else float(mean) for mean in whole.means),
            clips=len(judged),
            speakers=len(set(judged)),
            windows=whole.num_windows,
        )

    @property
    def doubt(self) -> str:
        """Why figures of this expert should not be believed; empty where there is no such reason."""
        if self.accuracy is None:
            return "the sync expert was judged on too few windows to tell how good it is"
        if self.accuracy < LEAST_ACCURACY:
            return (
                f"the sync expert tells {self.accuracy:.1%} of window pairs apart, 50 % is chance: its figures say "
                "nothing"
            )
        if self.offset_ms is None or abs(self.offset_ms) > 1000.0 / FRAMES_PER_SECOND:
            found = "no offset" if self.offset_ms is None else f"an offset of {self.offset_ms:+.0f} ms"
            return f"the sync expert finds {found} in true motion, which should have none"
        return ""

    def summary(self) -> str:
        """One sentence for logs and tables."""
        accuracy = "unknown" if self.accuracy is None else f"{self.accuracy:.3f} (chance 0.5)"
        # Groups are not told in percent: there may be few.
        return (
            f"accuracy {accuracy} on {self.windows} windows of {self.speakers} speakers; offset "
            f"within a frame in {self.offset_hits} of {self.offset_groups} groups of "
            f"{GROUP_WINDOWS / FRAMES_PER_SECOND:g} s"
        )
