"""Figures of an evaluation that need more than motion and sound: those on landmarks.

Part of `scripts.evaluate`. Where a store lacks what they need, they are named with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rich.console import Console
from rich.progress import track

from scripts.evaluating import Material
from scripts.evaluation_rows import Absences
from scripts.landmark_truth import fitted_decoder, true_points, why_no_landmarks
from src.eval.cases import Case
from src.eval.clip_figures import Figure, Weighted
from src.eval.landmark_metrics import FDD_ABSOLUTE, FDD_PER_POINT, FDD_SIGNED, LVE_ROOT
from src.eval.lip_decoder import LANDMARK_METRICS, NOT_COMPARABLE, POINTS_OF, measure_landmarks
from src.eval.metrics import Measurement, Metric
from src.eval.rows import MeasureClip
from src.motion import MotionSpec

_OVER_CLIPS = (FDD_SIGNED.id, FDD_ABSOLUTE.id, FDD_PER_POINT.id)
"""Papers take their mean over clips; the others count frames."""


@dataclass(frozen=True)
class Columns:
    """Figures and how a clip gets them.

    Attributes:
        figures: by id.
        measure: gives them for a case.
        note: what a reader has to know.
    """

    figures: Mapping[str, Figure]
    measure: MeasureClip
    note: str


def landmark_columns(material: Material, spec: MotionSpec, absent: Absences) -> Columns | None:
    """LVE, FDD, LMD, MOD and MVE on the landmarks that the store keeps; None, said in `absent`, where it keeps none.

    Args:
        material: the clips.
        spec: of their motion.
        absent: told of each that there is not.
    """
    reason = why_no_landmarks(material.store)
    if reason:
        for metric in LANDMARK_METRICS:
            absent.add(metric.id, metric.label, reason)
        return None
    decoder = fitted_decoder(material.store, spec, material.folder)
    progress = track(material.infos, "landmarks", console=Console(stderr=True), transient=True)
    truths = {
        info.clip_id: true_points(material.store, info.clip_id, material.delays_ms.get(info.speaker, 0.0))
        for info in progress
    }

    def measure(case: Case) -> dict[str, Weighted]:
        truth, frames = truths[case.clip_id], len(case.reference)
        if truth is None:
            figures = [Measurement(metric, None, "the clip has no landmarks") for metric in LANDMARK_METRICS]
            return {one.metric.id: Weighted(one, 0.0) for one in figures}
        seen = truth.seen[:frames]
        counts = float((case.reference.valid & seen).sum())
        return {
            one.metric.id: Weighted(one, float(counts > 0) if one.metric.id in _OVER_CLIPS else counts)
            for one in measure_landmarks(case, decoder, truth.points[:frames], seen)
        }

    return Columns({metric.id: _figure(metric) for metric in LANDMARK_METRICS}, measure, NOT_COMPARABLE)


def _figure(metric: Metric) -> Figure:
    pooling = "frames, before the root" if metric.id == LVE_ROOT.id else "frames"
    definition = f"{metric.definition} {POINTS_OF[metric.id]}"
    return Figure(replace(metric, definition=definition), "clips" if metric.id in _OVER_CLIPS else pooling)
