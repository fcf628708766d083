"""Which picture of a video makes the best portrait: frontal, at rest, eyes open, mouth closed, sharp."""

from collections.abc import Sequence

import numpy as np

from src.render.cropping import MINIMUM_FACE_PX
from src.render.preflight import Severity, findings_of
from src.render.preflight_measures import Measures

_TURN_DEG, _GAP, _LIDS, _SHARPNESS, _LIGHT = 15.0, 0.05, 0.1, 0.5, 0.1
"""What costs one point: so much turn of the head, gap of the lips in face sizes, lid openness below that of
open eyes in the video, sharpness below its best, share of the face without shape."""

_OPEN_PERCENTILE, _SHARP_PERCENTILE = 75, 90
"""Of a video's pictures: open eyes, and its best sharpness. Not the largest: noise and wide eyes are exceptions."""


def best_frame(frames: Sequence[Measures | None], minimum_face_px: float = MINIMUM_FACE_PX) -> int | None:
    """Place of the best picture.

    Pictures with fewer errors come first, then those with fewer warnings, then those with the lowest `costs`.

    Args:
        frames: what was measured in each picture; None where there is not exactly one face.
        minimum_face_px: smallest accepted face.

    Returns:
        The first of the best ones; None where no picture shows one face.
    """
    seen = [(place, measures) for place, measures in enumerate(frames) if measures is not None]
    if not seen:
        return None
    penalties = costs([measures for _, measures in seen])

    def rank(number: int) -> tuple[int, int, float]:
        findings = findings_of(seen[number][1], minimum_face_px)
        errors = sum(finding.severity == Severity.ERROR for finding in findings)
        return errors, len(findings) - errors, penalties[number]

    return seen[min(range(len(seen)), key=rank)][0]


def costs(frames: Sequence[Measures]) -> list[float]:
    """How far each picture of one video is from a portrait at rest, in points; 0 is best."""
    open_lids = float(np.percentile([frame.lids for frame in frames], _OPEN_PERCENTILE))
    sharp = float(np.percentile([frame.sharpness for frame in frames], _SHARP_PERCENTILE))
    return [
        float(np.linalg.norm([frame.yaw, frame.pitch, frame.roll])) / _TURN_DEG
        + frame.gap / _GAP
        + max(0.0, open_lids - frame.lids) / _LIDS
        + max(0.0, sharp - frame.sharpness) / _SHARPNESS
        + (frame.dark + frame.bright) / _LIGHT
        for frame in frames
    ]
