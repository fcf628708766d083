from dataclasses import replace

import numpy as np
import pytest

from src.errors import MotionError
from src.eval.cases import Case
from src.eval.face_points import LIPS, NUM_POINTS, UPPER_FACE
from src.eval.landmark_metrics import lmd
from src.eval.lip_decoder import (
    LANDMARK_METRICS,
    POINTS_OF,
    LipDecoder,
    explained_share,
    landmark_figures,
    measure_landmarks,
)
from src.motion import ARKIT55, CORE7, Motion, MotionSpec

JAW, YAW, BLINK = (CORE7.index(name) for name in ("jaw_open", "head_yaw", "eye_blink"))


def planted(spec: MotionSpec = CORE7) -> np.ndarray:
    """(F, P, 3) what each channel does to the points: eyes move no lips, mouth and head nothing above the nose."""
    weights = np.random.default_rng(1).normal(size=(spec.size, NUM_POINTS, 3))
    for index, channel in enumerate(spec.channels):
        if channel.unit == "degrees" or channel.name == "_neutral":
            weights[index] = 0
        if channel.name.startswith(("eye", "brow")):
            weights[index, LIPS] = 0
        if not channel.name.startswith(("eye", "brow", "cheek", "nose")):
            weights[index, UPPER_FACE] = 0
    return weights


def clips(spec: MotionSpec = CORE7, number: int = 4, noise: float = 0.0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Motion and points of people whose faces differ far more than they move."""
    rng = np.random.default_rng(2)
    made = []
    for _ in range(number):
        values = rng.uniform(spec.minimum, spec.maximum, (300, spec.size)).astype(np.float32)
        points = np.tensordot(values, planted(spec), axes=1) + rng.normal(size=(NUM_POINTS, 3), scale=10)
        made.append((values, points + noise * rng.normal(size=points.shape)))
    return made


@pytest.mark.parametrize("spec", [CORE7, ARKIT55])
def test_a_planted_map_is_recovered_from_faces_that_all_differ(spec: MotionSpec) -> None:
    decoder = LipDecoder.fit(clips(spec), spec)
    np.testing.assert_allclose(decoder.weights, planted(spec), atol=0.02)


def test_the_neutral_face_of_a_clip_is_where_its_motion_is_zero() -> None:
    values, points = clips()[1]
    decoder = LipDecoder(CORE7, planted())
    neutral = decoder.neutral(values, points)
    np.testing.assert_allclose(neutral, points[7] - np.tensordot(values[7], planted(), axes=1), atol=1e-9)
    np.testing.assert_allclose(decoder.points(values, neutral), points, atol=1e-9)


def test_a_head_that_moves_moves_no_points() -> None:
    decoder = LipDecoder.fit(clips(), CORE7)
    values = clips()[0][0]
    nodding = values.copy()
    nodding[:, YAW : YAW + 3] += 10
    np.testing.assert_array_equal(decoder.movement(nodding), decoder.movement(values))


def test_blinks_move_no_lips_and_talking_moves_nothing_above_the_nose() -> None:
    # Points that in truth follow everything: coincidence in a small corpus must not be learned.
    tied = [(values, points + values[:, [JAW, BLINK]].sum(axis=1)[:, None, None]) for values, points in clips()]
    decoder = LipDecoder.fit(tied, CORE7)
    assert np.abs(decoder.weights[BLINK, LIPS]).max() == 0
    assert np.abs(decoder.weights[BLINK, UPPER_FACE]).min() > 0
    assert np.abs(decoder.weights[JAW, UPPER_FACE]).max() == 0


def test_the_explained_share_is_one_without_noise_and_falls_as_noise_grows() -> None:
    decoder = LipDecoder(CORE7, planted())
    clean, noisy = explained_share(decoder, clips()), explained_share(decoder, clips(noise=0.2))
    assert (clean.lips, clean.mouth_shape, clean.upper_face) == pytest.approx((1, 1, 1))
    movement = np.mean([points[:, LIPS].var(axis=0).mean() for _, points in clips()])
    assert noisy.lips == pytest.approx(1 - 0.04 / (movement + 0.04), abs=0.005)
    assert explained_share(decoder, []).lips is None


def case_of(values: np.ndarray, reference: np.ndarray, spec: MotionSpec = CORE7) -> Case:
    return Case("ann_0", "ann", "en", Motion(values, spec), Motion(reference, spec), np.zeros(192_000, "f4"), 16_000)


def test_the_truth_against_itself_is_zero_where_channels_tell_everything_and_the_floor_where_they_do_not() -> None:
    decoder = LipDecoder(CORE7, planted())
    values, points = clips()[0]
    seen = np.ones(300, bool)
    truth = measure_landmarks(case_of(values, values), decoder, points, seen)
    assert [each.metric for each in truth] == list(LANDMARK_METRICS)
    assert [each.value for each in truth] == pytest.approx([0] * 8, abs=1e-6)
    noise = 0.1 * np.random.default_rng(3).normal(size=points.shape)
    floor = {
        each.metric.id: each.value for each in measure_landmarks(case_of(values, values), decoder, points + noise, seen)
    }
    # Length of 3-D noise that LMD takes the mean of 40 points from, and the neutral that of 300 frames.
    assert floor["lmd"] == pytest.approx(0.1 * np.sqrt(8 / np.pi), rel=0.03)
    assert floor["lve_root"] > floor["mve"] > 0


def test_a_prediction_with_an_offset_pays_for_it() -> None:
    decoder = LipDecoder(CORE7, planted())
    values, points = clips()[0]
    wider = values.copy()
    wider[:, JAW] += 0.1
    figures = {
        each.metric.id: each.value
        for each in measure_landmarks(case_of(wider, values), decoder, points, np.ones(300, bool))
    }
    moved = 0.1 * np.linalg.norm(planted()[JAW, LIPS], axis=1)
    assert figures["lve_root"] == pytest.approx(moved.max(), rel=1e-5)
    assert figures["mve"] == pytest.approx(moved.sum() / NUM_POINTS, rel=1e-5)
    assert figures["fdd_absolute"] == pytest.approx(0, abs=1e-6)


def test_figures_are_those_of_the_lips_and_of_the_upper_face() -> None:
    rng = np.random.default_rng(4)
    predicted, reference, neutral = rng.normal(size=(3, 50, NUM_POINTS, 3))
    figures = {each.metric.id: each.value for each in landmark_figures(predicted, reference, neutral[0])}
    assert figures["lmd"] == lmd(predicted[:, LIPS], reference[:, LIPS]).value
    other = predicted.copy()
    other[:, UPPER_FACE] += 1
    changed = {each.metric.id: each.value for each in landmark_figures(other, reference, neutral[0])}
    assert {name for name in figures if figures[name] != pytest.approx(changed[name])} == {
        "mve",
        "fdd_signed",
        "fdd_absolute",
    }


def test_frames_that_do_not_count_change_nothing() -> None:
    decoder = LipDecoder(CORE7, planted())
    values, points = clips(noise=0.1)[0]
    case = case_of(values[::-1].copy(), values)
    counts, seen = np.arange(300) < 200, np.arange(300) >= 50
    masked = replace(case, reference=replace(case.reference, valid=counts))
    spoilt = np.where((counts & seen)[:, None, None], points, 1e6)
    plain = measure_landmarks(masked, decoder, points, seen)
    assert [each.value for each in measure_landmarks(masked, decoder, spoilt, seen)] == [each.value for each in plain]
    few = measure_landmarks(masked, decoder, points, np.arange(300) < 9)
    assert {each.reason for each in few} == {"9 frames, 10 are needed"}


def test_every_metric_says_which_points_it_is_about() -> None:
    assert set(POINTS_OF) == {metric.id for metric in LANDMARK_METRICS}
    assert "40 landmarks" in POINTS_OF["lve_squared"]


def test_what_does_not_belong_together_is_refused() -> None:
    decoder, (values, points) = LipDecoder(CORE7, planted()), clips()[0]
    with pytest.raises(MotionError, match=r"expected \(T, 7\) and \(T, 92, 3\)"):
        decoder.neutral(values[:-1], points)
    with pytest.raises(MotionError, match="motion of arkit55, but the map to points is from core7"):
        blank = np.zeros((300, ARKIT55.size), np.float32)
        measure_landmarks(case_of(blank, blank, ARKIT55), decoder, points, np.ones(300, bool))
    with pytest.raises(MotionError, match="9 frames with landmarks to fit a map to points on, 10 are needed"):
        LipDecoder.fit([(values[:9], points[:9])], CORE7)
