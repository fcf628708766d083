"""Each reason against a picture, found in a made-up one; the choice of a video's best picture."""

from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import CHIN, FOREHEAD, INNER_LIP_BOTTOM, INNER_LIP_TOP, LEFT_EAR_POINTS, OUTER_LIP, RIGHT_EAR_POINTS
from src.motion import head_rotation
from src.render.best_frame import best_frame
from src.render.portrait import load_portrait
from src.render.preflight import Code, Finding, Severity, findings_of, preflight, refuse
from src.render.preflight_measures import Measures, measure
from tests.render.portraits import drawn_landmarks
from tests.render.test_real_portraits import PORTRAITS

SIDE = 400
GOOD = Measures(
    face_px=120, yaw=2, pitch=-5, roll=1, sharpness=2.2, light=200, dark=0, bright=0, gap=0.02, lip_contrast=10,
    lids=0.3, overhang=0, above=0.5, beside=0.5,
)  # fmt: skip


def picture(points: NDArray[np.float32] | None = None) -> NDArray[np.uint8]:
    """Fine and coarse texture of middle brightness with red lips, those of `face` unless told otherwise."""
    rng = np.random.default_rng(0)
    coarse, fine = (
        cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE, 3)).astype(np.float32), (0, 0), sigma) for sigma in (4, 0.7)
    )
    grey = np.clip(120 + 300 * coarse + 60 * fine, 30, 230).astype(np.uint8)
    lips = np.zeros((SIDE, SIDE), np.uint8)
    outline = (face() if points is None else points)[list(OUTER_LIP), :2]
    cv2.fillPoly(lips, [np.round(outline).astype(np.int32)], (1,))
    return np.where(lips[..., None] > 0, grey * np.array([1.0, 0.6, 0.6]), grey).astype(np.uint8)


def with_a_covered_mouth() -> NDArray[np.uint8]:
    image = picture()
    cv2.ellipse(image, (SIDE // 2, SIDE // 2 + 34), (50, 22), 10, 0, 360, (150, 120, 100), -1)
    return image


def face() -> NDArray[np.float32]:
    """Points in the middle of `picture`, with open eyes, closed lips and an upright line from forehead to chin."""
    points = drawn_landmarks() - np.array([128, 128, 0], np.float32)
    points[[FOREHEAD, CHIN], 2] = 0
    for eye in (RIGHT_EAR_POINTS, LEFT_EAR_POINTS):
        outer, upper_1, upper_2, inner, lower_2, lower_1 = eye
        middle = (points[outer] + points[inner]) / 2
        points[[upper_1, upper_2]], points[[lower_1, lower_2]] = middle, middle
        points[[upper_1, upper_2], 1] -= 3.5
        points[[lower_1, lower_2], 1] += 3.5
    points[INNER_LIP_TOP] = points[INNER_LIP_BOTTOM] = 0, 34, -20
    return (points + np.array([SIDE / 2, SIDE / 2, 0], np.float32)).astype(np.float32)


def turned(yaw: float = 0, pitch: float = 0, roll: float = 0) -> NDArray[np.float32]:
    middle = np.array([SIDE / 2, SIDE / 2, 0], np.float32)
    return ((face() - middle) @ head_rotation(yaw, pitch, roll).T + middle).astype(np.float32)


def moved(left: float, up: float) -> NDArray[np.float32]:
    return (face() - np.array([left, up, 0], np.float32)).astype(np.float32)


def with_lips(gap: float) -> NDArray[np.float32]:
    points = face()
    points[INNER_LIP_BOTTOM, 1] += gap
    return points


def with_shut_eyes() -> NDArray[np.float32]:
    points = face()
    for eye in (RIGHT_EAR_POINTS, LEFT_EAR_POINTS):
        points[list(eye), 1] = points[eye[0], 1]
    return points


def codes(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in findings]


def test_a_good_picture_has_no_findings() -> None:
    assert preflight(picture(), [face()]) == []


def test_people_in_the_background_do_not_count() -> None:
    assert preflight(picture(), [face(), face() * 0.2]) == []


@pytest.mark.parametrize(
    ("image", "faces", "expected"),
    [
        (picture(), [], ("no_face", "error")),
        (picture(), [face(), face()], ("several_faces", "error")),
        (picture(turned(yaw=25)), [turned(yaw=25)], ("turned", "warning")),
        (picture(turned(yaw=-40)), [turned(yaw=-40)], ("turned", "error")),
        (picture(turned(pitch=35)), [turned(pitch=35)], ("nodded", "warning")),
        (picture(turned(pitch=-50)), [turned(pitch=-50)], ("nodded", "error")),
        (picture(turned(roll=-25)), [turned(roll=-25)], ("tilted", "warning")),
        (picture(turned(roll=50)), [turned(roll=50)], ("tilted", "error")),
        (np.asarray(cv2.GaussianBlur(picture(), (0, 0), 7), np.uint8), [face()], ("blurred", "error")),
        ((picture() // 8).astype(np.uint8), [face()], ("too_dark", "error")),
        ((picture() // 3).astype(np.uint8), [face()], ("too_dark", "warning")),
        (np.clip(picture() * 3.0, 0, 255).astype(np.uint8), [face()], ("too_bright", "error")),
        (picture(), [with_shut_eyes()], ("eyes_closed", "error")),
        (with_a_covered_mouth(), [face()], ("mouth_covered", "warning")),
        (picture(), [with_lips(15)], ("mouth_open", "warning")),
        (picture(moved(SIDE / 2 - 40, 0)), [moved(SIDE / 2 - 40, 0)], ("cropped", "error")),
        (picture(moved(SIDE / 2 - 61, 0)), [moved(SIDE / 2 - 61, 0)], ("cropped", "warning")),
        (picture(moved(0, SIDE / 2 - 80)), [moved(0, SIDE / 2 - 80)], ("cropped", "warning")),
    ],
)  # fmt: skip
def test_each_reason_is_found_alone(
    image: NDArray[np.uint8], faces: list[NDArray[np.float32]], expected: tuple[str, str]
) -> None:
    assert codes(preflight(image, faces)) == [expected]


def test_a_small_face_is_found() -> None:
    small = cv2.resize(picture(), (80, 80), interpolation=cv2.INTER_AREA)
    findings = preflight(np.asarray(small, np.uint8), [(face() * 0.2).astype(np.float32)])
    assert findings[0].code == Code.TOO_SMALL
    assert findings[0].value < findings[0].limit == 24


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (20, 0, 0), (0, -15, 0), (0, 0, 12), (10, 8, -6)])
def test_angles_are_those_of_the_head(yaw: float, pitch: float, roll: float) -> None:
    measured = measure(picture(), turned(yaw, pitch, roll))
    assert (measured.yaw, measured.pitch, measured.roll) == pytest.approx((yaw, pitch, roll), abs=0.01)


def test_all_errors_are_told_at_once_and_warnings_do_not_stop() -> None:
    worst = replace(GOOD, yaw=60, sharpness=1.0, lids=0.05, gap=0.4)
    with pytest.raises(RenderError, match=r"(?s)^photo: .*3 reasons.*turned 60 degrees.*blurred.*eyes are closed"):
        refuse("photo", findings_of(worst))
    with pytest.raises(RenderError, match=r"^photo: the face is turned 60 degrees .* Use a photo taken from the front"):
        refuse("photo", findings_of(replace(GOOD, yaw=60)))
    refuse("photo", findings_of(replace(GOOD, gap=0.4, roll=30)))


def test_every_code_can_be_found_and_is_documented() -> None:
    page = Path("docs/rendering.md").read_text("utf-8")
    assert [code for code in Code if f"`{code}`" not in page] == []


@pytest.mark.parametrize(
    ("worse", "name"),
    [
        (replace(GOOD, yaw=12), "turned"),
        (replace(GOOD, gap=0.09), "mouth open"),
        (replace(GOOD, lids=0.2), "blinking"),
        (replace(GOOD, sharpness=1.7), "blurred"),
        (replace(GOOD, bright=0.04), "overexposed"),
    ],
)
def test_the_best_frame_is_frontal_at_rest_and_sharp(worse: Measures, name: str) -> None:
    assert best_frame([worse, None, GOOD, worse]) == 2, name


def test_a_frame_without_errors_wins_over_a_calmer_one_with_an_error() -> None:
    restless = replace(GOOD, yaw=19, gap=0.09)
    assert best_frame([replace(GOOD, lids=0.05), restless]) == 1
    assert best_frame([replace(GOOD, lids=0.05)]) == 0
    assert best_frame([None, None]) is None
    assert best_frame([]) is None


def test_severities_are_ordered_and_codes_named_once() -> None:
    findings = findings_of(Measures(**{field.name: 0.0 for field in fields(Measures)}))
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities, key=lambda severity: severity != Severity.ERROR)
    assert len({finding.code for finding in findings}) == len(findings)


@pytest.mark.slow
@pytest.mark.parametrize("name", PORTRAITS)
def test_real_portraits_pass(shared: Path, name: str) -> None:
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    from src.data.landmarks import FaceFinder

    photo = load_portrait(shared / "data/real/portraits" / name)
    with FaceFinder() as finder:
        faces = finder.find(photo)
    findings = preflight(photo, faces)
    refuse(name, findings)
    assert Code.MOUTH_COVERED not in [finding.code for finding in findings]
    size = measure(photo, faces[0]).face_px
    blurred = np.asarray(cv2.GaussianBlur(photo, (0, 0), 0.08 * size), np.uint8)
    assert Code.BLURRED in [finding.code for finding in preflight(blurred, faces)]
    dark = (photo * 0.15).astype(np.uint8)
    assert Code.TOO_DARK in [finding.code for finding in preflight(dark, faces)]


def test_odd_pictures_and_faces_are_found_wanting_without_a_crash() -> None:
    rng = np.random.default_rng(0)
    for number in range(60):
        image = rng.integers(0, 256, (*rng.integers(1, 200, 2), 3), np.uint8)
        points = face() * rng.uniform(0, 3) + rng.uniform(-400, 400, 3)
        findings = preflight(image, [np.zeros_like(points) if number % 7 == 0 else points])
        assert all(str(finding) for finding in findings)
