"""What is wrong with a clip, in a word, where one of its figures tells."""

from collections.abc import Mapping

from src.eval.metrics import CLEAR_PEAK

TIMID, WILD = 0.6, 1.6
"""Movement ratios beyond which a mouth visibly moves too little or too much; the same factor on either side."""

LATE_MS, EARLY_MS = 45.0, -125.0
"""Lags that viewers detect, ITU-R BT.1359: sound 45 ms early (the picture is late) or 125 ms late."""

FEW_SEEN = 0.5
"""Share of frames with a known mouth below which a clip's figures say little."""

NOISY_R = 0.8
"""Correlation that the truth reaches with itself under the noise of its own labels; below, the labels are to blame."""


FAULTS = {
    "wrong": f"lip r below {CLEAR_PEAK:g}",
    "timid": f"moves less than {TIMID:g} times as much as the true mouth",
    "wild": f"moves more than {WILD:g} times as much",
    "late": f"lags by more than {LATE_MS:g} ms, which viewers notice",
    "early": f"leads by more than {-EARLY_MS:g} ms, likewise",
    "few valid frames": f"the true mouth was seen in less than {100 * FEW_SEEN:g} % of them",
    "noisy label": f"noise ceiling below {NOISY_R:g}",
}
"""Words and what they mean, the gravest first."""


def faults_of(figures: Mapping[str, float | None], *, seen: float | None, ceiling_r: float | None) -> list[str]:
    """Words of `FAULTS` that a clip deserves, the gravest first; none where no figure tells.

    Args:
        figures: of the clip by metric id; `pearson_r`, `std_ratio` and `lag` are looked at.
        seen: share of its frames that count.
        ceiling_r: lip r of the truth under the noise of its labels.
    """
    r, movement, lag = (figures.get(name) for name in ("pearson_r", "std_ratio", "lag"))
    told = {
        "wrong": r is not None and r < CLEAR_PEAK,
        "timid": movement is not None and movement < TIMID,
        "wild": movement is not None and movement > WILD,
        "late": lag is not None and lag > LATE_MS,
        "early": lag is not None and lag < EARLY_MS,
        "few valid frames": seen is not None and seen < FEW_SEEN,
        "noisy label": ceiling_r is not None and ceiling_r < NOISY_R,
    }
    return [word for word in FAULTS if told[word]]
