"""Whether a picture can become a good avatar, with every reason at once and what to do about each.

Errors stop the making of an avatar; warnings are things that it will show. The limits were measured: all 11 pictures of
people and a painting in the shared data pass without an error, and worsened copies of them (blurred, darkened,
overexposed, cropped, turned, with shut eyes) do not.

FaceMesh draws lips where it expects them, over a hand as well. Whether something lies over the mouth is guessed from
colour: of made-up covers, all of cloth and 15 of 24 of skin are found, with false alarms in 2 of 240 pictures of videos
(brown and pale lips among them). So it is a warning, and in dim pictures it can't be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.render.cropping import BYSTANDER, MAXIMUM_TURN, MINIMUM_FACE_PX, face_size
from src.render.preflight_measures import Measures, measure

COLOUR_LIGHT = 100.0
"""Grey level that the brightest parts of a face must reach for its colours to say anything."""


class Code(StrEnum):
    """What can be wrong with a picture."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_SMALL = "too_small"
    TURNED = "turned"
    TILTED = "tilted"
    NODDED = "nodded"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    EYES_CLOSED = "eyes_closed"
    MOUTH_OPEN = "mouth_open"
    MOUTH_COVERED = "mouth_covered"
    CROPPED = "cropped"


class Severity(StrEnum):
    """Errors stop, warnings tell."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a picture.

    Attributes:
        code: which one.
        severity: whether it stops the making of an avatar.
        value: what was measured, in `unit`.
        limit: what is allowed, in `unit`.
        unit: of both.
        what: what was found, in words.
        remedy: what to do.
    """

    code: Code
    severity: Severity
    value: float
    limit: float
    unit: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}"


class _Rule(NamedTuple):
    """Limits of one measure; those below the lower or above the upper ones are found."""

    code: Code
    measure: str
    unit: str
    error: float | None
    warning: float | None
    too_low: bool
    what: str
    remedy: str


_TURN_DEG = round(float(np.degrees(np.arcsin(MAXIMUM_TURN))), 1)
_RULES = (
    _Rule(
        Code.TURNED, "yaw", "degrees", _TURN_DEG, 20.0, False,
        "the face is turned {value:.0f} degrees away from the camera, {most} {limit:.0f}",
        "Use a photo taken from the front.",
    ),
    _Rule(
        Code.NODDED, "pitch", "degrees", 45.0, 30.0, False,
        "the face looks {value:.0f} degrees up or down, {most} {limit:.0f}",
        "Use a photo taken at the height of the eyes.",
    ),
    _Rule(
        Code.TILTED, "roll", "degrees", 45.0, 20.0, False,
        "the head is tilted by {value:.0f} degrees, {most} {limit:.0f}",
        "Turn the photo so that the eyes are level.",
    ),
    _Rule(
        Code.BLURRED, "sharpness", "fine over coarse contrast", 1.3, 1.6, True,
        "the face is blurred (sharpness {value:.2f}, {least} {limit:.2f})",
        "Use a sharper photo: hold the camera still, focus on the eyes, more light.",
    ),
    _Rule(
        Code.TOO_DARK, "light", "grey levels", 40.0, 60.0, True,
        "the face is too dark (its brightest parts reach {value:.0f} of 255, {least} {limit:.0f})",
        "Use a photo in more light, from the front.",
    ),
    _Rule(
        Code.TOO_BRIGHT, "bright", "share of the face", 0.3, 0.05, False,
        "{value:.0%} of the face is overexposed, {most} {limit:.0%}",
        "Use a photo in softer light or with a shorter exposure.",
    ),
    _Rule(
        Code.EYES_CLOSED, "lids", "height over width", 0.12, 0.16, True,
        "the eyes are closed (openness {value:.2f}, {least} {limit:.2f})",
        "Use a photo with open eyes: what lids hide can't be shown.",
    ),
    _Rule(
        Code.MOUTH_OPEN, "gap", "face sizes", None, 0.13, False,
        "the mouth is open (lips {value:.2f} face sizes apart, {most} {limit:.2f})",
        "It is closed by drawing; a photo with closed lips looks better.",
    ),
    _Rule(
        Code.MOUTH_COVERED, "lip_contrast", "CIELAB", None, 3.5, True,
        "the lips hardly stand out from what is around them (contrast {value:.1f}, {least} {limit:.1f}); something may "
        "lie over the mouth",
        "If so, use a photo without a hand, hair, mask or microphone before the mouth; if not, go on.",
    ),
    _Rule(
        Code.CROPPED, "overhang", "face sizes", 0.15, None, False,
        "the face is cut off by the border of the picture (by {value:.2f} face sizes, {most} {limit:.2f})",
        "Use a photo that shows the whole face.",
    ),
    _Rule(
        Code.CROPPED, "above", "heights of the face", None, 0.2, True,
        "the head is cropped above the forehead (room of {value:.2f} heights of the face, {least} {limit:.2f})",
        "Use a photo with some room above the hair; what is missing is mirrored.",
    ),
    _Rule(
        Code.CROPPED, "beside", "heights of the face", None, 0.05, True,
        "an ear or the chin is at the border of the picture (room of {value:.2f} heights of the face, {least} "
        "{limit:.2f})",
        "Use a photo that shows the whole head and some of the neck; what is missing is mirrored.",
    ),
)  # fmt: skip


def preflight(
    image: NDArray[np.uint8],
    faces: Sequence[NDArray[np.floating]],
    minimum_face_px: float = MINIMUM_FACE_PX,
) -> list[Finding]:
    """Look a picture over before an avatar is made of it.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: one (478, 3) array of FaceMesh landmarks in pixels of `image` per detected face. Faces much smaller than
            the largest are passed over.
        minimum_face_px: smallest accepted distance of the outer eye corners.

    Returns:
        What is wrong, errors first; empty for a good portrait.
    """
    counted = main_faces(faces)
    if not counted:
        return [
            Finding(
                Code.NO_FACE, Severity.ERROR, 0.0, 1.0, "faces", "no face was found in the picture",
                "Use a photo with one face seen from the front, in good light.",
            )
        ]  # fmt: skip
    if len(counted) > 1:
        return [
            Finding(
                Code.SEVERAL_FACES, Severity.ERROR, len(counted), 1.0, "faces",
                f"{len(counted)} faces were found in the picture, expected one", "Crop the photo to one person.",
            )
        ]  # fmt: skip
    return findings_of(measure(image, counted[0]), minimum_face_px)


def findings_of(measures: Measures, minimum_face_px: float = MINIMUM_FACE_PX) -> list[Finding]:
    """What is wrong with a face that was measured, errors first."""
    found = []
    if measures.face_px < minimum_face_px:
        found.append(
            Finding(
                Code.TOO_SMALL, Severity.ERROR, measures.face_px, minimum_face_px, "pixels",
                f"the face is too small, {measures.face_px:.0f} pixels between the outer eye corners, at least "
                f"{minimum_face_px:.0f} are needed",
                "Use a larger photo or one taken closer.",
            )
        )  # fmt: skip
    found += [finding for rule in _RULES if (finding := _broken(rule, getattr(measures, rule.measure)))]
    if measures.light < COLOUR_LIGHT:
        found = [finding for finding in found if finding.code != Code.MOUTH_COVERED]
    found.sort(key=lambda finding: finding.severity != Severity.ERROR)
    # What is cut off is near the border as well: one finding per code, the worst.
    return list({finding.code: finding for finding in reversed(found)}.values())[::-1]


def refuse(name: str, findings: Sequence[Finding]) -> None:
    """Stop at errors, naming all of them.

    Raises:
        RenderError: there is an error among the findings.
    """
    errors = [str(finding) for finding in findings if finding.severity == Severity.ERROR]
    if len(errors) == 1:
        raise RenderError(f"{name}: {errors[0]}")
    if errors:
        listed = "".join(f"\n  - {error}" for error in errors)
        raise RenderError(f"{name}: the picture can't become an avatar, for {len(errors)} reasons:{listed}")


def main_faces(faces: Sequence[NDArray[np.floating]]) -> list[NDArray[np.floating]]:
    """Faces without those that are much smaller than the largest: people in the background."""
    largest = max((face_size(face) for face in faces), default=0.0)
    return [face for face in faces if face_size(face) >= BYSTANDER * largest]


def _broken(rule: _Rule, value: float) -> Finding | None:
    value = value if rule.too_low else abs(value)
    for severity, limit in ((Severity.ERROR, rule.error), (Severity.WARNING, rule.warning)):
        if limit is not None and (value < limit if rule.too_low else value > limit):
            what = rule.what.format(value=value, limit=limit, **_WORDS[severity])
            return Finding(rule.code, severity, value, limit, rule.unit, what, rule.remedy)
    return None


_WORDS = {
    Severity.ERROR: {"most": "at most allowed:", "least": "needed:"},
    Severity.WARNING: {"most": "better at most", "least": "better at least"},
}
