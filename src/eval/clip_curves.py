"""Predicted and true mouth openings of clips over their sound, one chart below the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from src.eval.blocks import Chart
from src.eval.cases import Case
from src.eval.charts import Line, time_chart
from src.eval.lip_sync import MOUTH
from src.eval.metrics import frame_rms
from src.motion import core7_of

LONGEST_S = 20.0
"""Of a clip that is drawn; more would be a comb at the width of a page."""


@dataclass(frozen=True, eq=False)
class ClipCurves:
    """Mouth opening of one clip.

    Attributes:
        clip_id: which clip.
        place: where it stands among the others: `worst`, `median`, `best`.
        fps: frames per second of all arrays, which begin at 0.
        predicted, reference: (T,) opening.
        seen: (T,) where the reference was seen rather than guessed; the other frames don't count and are shaded.
        envelope: (T,) loudness of the sound.
        unit: of the opening.
    """

    clip_id: str
    place: str
    fps: float
    predicted: NDArray[np.floating]
    reference: NDArray[np.floating]
    seen: NDArray[np.bool_]
    envelope: NDArray[np.floating]
    unit: str = "of face size"

    @classmethod
    def of(cls, case: Case, place: str) -> "ClipCurves":
        """The curves of a case."""
        fps = case.reference.fps
        return cls(
            case.clip_id,
            place,
            fps,
            core7_of(case.predicted).channel(MOUTH),
            core7_of(case.reference).channel(MOUTH),
            case.reference.valid,
            frame_rms(case.waveform, case.sample_rate_hz, fps, len(case.reference)),
        )


def curves_block(curves: Sequence[ClipCurves], notes: Mapping[str, str]) -> Chart:
    """The curves as a block of a page.

    Args:
        curves: in the order to be shown.
        notes: what to say below the name of a clip, by its id.
    """
    return Chart(
        "Mouth opening over the sound",
        f"The worst clips first, then those in the middle and the best. At most the first {LONGEST_S:g} s of each. "
        "Shaded frames don't count: the true mouth was not seen in them.",
        '<div class="charts pairs">'
        + "".join(_figure(item, notes.get(item.clip_id, "")) for item in curves)
        + "</div>",
        (("predicted", "predicted"), ("reference", "true"), ("loudness", "loudness"), ("unseen", "not seen")),
    )


def _figure(item: ClipCurves, note: str) -> str:
    count = int(LONGEST_S * item.fps)
    lines = [
        Line("true", "reference", item.reference[:count]),
        Line("predicted", "predicted", item.predicted[:count]),
    ]
    label = f"Mouth opening of {item.clip_id}: predicted and true over the loudness of the sound"
    chart = time_chart(lines, item.envelope[:count], item.fps, item.unit, label, unseen=~item.seen[:count])
    small = f"<small>{escape(note)}</small>" if note else ""
    name = f"{item.place}: {item.clip_id}"
    return f"<figure><figcaption><strong>{escape(name)}</strong>{small}</figcaption>{chart}</figure>"
