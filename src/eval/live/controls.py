"""What a shown mouth has to beat that the controls of an evaluation don't have: the loudness of what is heard."""

from collections.abc import Sequence

import numpy as np

from src.eval.cases import Case
from src.eval.controls import Row
from src.eval.lip_sync import MOUTH
from src.eval.metrics import frame_rms

LOUD_PERCENTILE = 95.0


def loudness_row(cases: Sequence[Case]) -> Row:
    """Mouths that open as the sound is loud.

    Args:
        cases: the clips; a mouth is scaled so that its 95th percentile is that of the reference.
    """
    rows = []
    for case in cases:
        reference = case.reference
        loudness = frame_rms(case.waveform, case.sample_rate_hz, reference.fps, len(reference))
        loud = float(np.percentile(loudness, LOUD_PERCENTILE))
        values = np.tile(reference.spec.neutral, (len(reference), 1))
        opening = float(np.percentile(reference.channel(MOUTH), LOUD_PERCENTILE))
        values[:, reference.spec.index(MOUTH)] = loudness * (opening / loud if loud > 0 else 0.0)
        rows.append(case.predicting(np.clip(values, reference.spec.minimum, reference.spec.maximum)))
    return Row(
        "loudness",
        "Loudness",
        "control",
        "The loudness of each frame's sound opens the mouth, the rest of the face is neutral: needs no model.",
        [rows],
    )
