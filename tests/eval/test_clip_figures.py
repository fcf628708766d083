from dataclasses import replace

import numpy as np
import pytest

from src.eval.clip_figures import FIGURES, channel_figures, clip_figures, hear, intensity_of, seen_span
from src.motion import ARKIT55, CORE7, Motion
from tests.eval.speaking import speaking


def values_of(case, closures_s=None) -> dict[str, float | None]:  # type: ignore[no-untyped-def]
    found = clip_figures(case, hear(case, closures_s))
    return {name: one.measurement.value for name, one in found.items()}


def test_the_truth_is_perfect_against_itself() -> None:
    found = values_of(speaking(0))
    assert found["pearson_r"] == pytest.approx(1.0)
    assert found["ccc"] == pytest.approx(1.0)
    assert found["std_ratio"] == pytest.approx(1.0)
    assert (found["lip_mae"], found["velocity_error"], found["mtm"], found["peak_error"]) == (0.0, 0.0, 0.0, 0.0)
    assert (found["peak_f1"], found["closure_recall"]) == (1.0, 1.0)
    assert found["lag"] == pytest.approx(0.0, abs=2.0)


def test_every_figure_but_that_of_many_clips_is_there() -> None:
    assert list(values_of(speaking(0))) == [name for name in FIGURES if name != "slcc"]


def test_frames_whose_truth_was_guessed_count_nowhere() -> None:
    case = speaking(1)
    valid = np.ones(len(case.reference), bool)
    valid[:7] = valid[-5:] = False
    values = case.reference.values.copy()
    values[~valid] = CORE7.maximum
    spoilt = case.predicting(values, valid)
    kept = slice(7, len(valid) - 5)
    cut = replace(
        case,
        predicted=Motion(values[kept], CORE7),
        reference=Motion(case.reference.values[kept], CORE7),
        waveform=case.waveform[7 * 640 :],
    )
    wanted = values_of(cut, np.empty((0, 2)))
    for name, value in values_of(spoilt, np.empty((0, 2))).items():
        assert value == (None if wanted[name] is None else pytest.approx(wanted[name], abs=1e-3)), name


def test_a_face_at_its_mean_has_no_correlation_no_beats_and_no_blinks() -> None:
    case = speaking(2)
    still = case.predicting(np.broadcast_to(case.reference.values.mean(axis=0), case.reference.values.shape))
    found = clip_figures(still, hear(still))
    assert found["pearson_r"].measurement.reason == "the predicted curve is constant"
    assert found["beat_alignment"].measurement.reason == "the head ranges over less than 0.5 degrees"
    assert found["blink_duration"].measurement.reason == "no blinks"
    assert (found["blink_rate"].measurement.value, found["head_range"].measurement.value) == (0.0, 0.0)
    assert found["ccc"].measurement.value == pytest.approx(0.0)


def test_dips_of_the_sound_are_closures_only_where_the_true_lips_meet() -> None:
    case = speaking(3)
    values = case.reference.values.copy()
    values[:, 0] = 0.2
    values[50:54, 0] = 0.0
    sound = np.random.default_rng(0).normal(size=len(case.waveform)).astype(np.float32)
    for frame in (50, 100):
        sound[frame * 640 - 320 : (frame + 3) * 640 - 320] *= 1e-3
    case = replace(case, reference=Motion(values, CORE7), predicted=Motion(values, CORE7), waveform=sound)
    closures_s = hear(case).closures_s
    assert closures_s.shape == (1, 2)
    assert closures_s[0] == pytest.approx([49.5 / 25, 52.5 / 25])


def test_figures_are_weighted_by_what_they_are_pooled_by() -> None:
    case = speaking(4)
    found = clip_figures(case, hear(case, np.array([[1.0, 1.1], [2.0, 2.1], [3.0, 3.1]])))
    assert found["pearson_r"].weight == 150
    assert found["closure_recall"].weight == 3
    assert found["blink_rate"].weight == pytest.approx(6.0)
    assert found["blink_duration"].weight == 3
    assert found["blink_interval"].weight == 2


def test_channels_are_measured_in_their_own_unit() -> None:
    case = speaking(5)
    values = case.reference.values.copy()
    values[:, CORE7.index("head_yaw")] += 2.0
    found = channel_figures(case.predicting(values))
    assert found["head_yaw"]["mae"].measurement.value == pytest.approx(2.0, abs=1e-5)
    assert found["head_yaw"]["pearson_r"].measurement.value == pytest.approx(1.0)
    assert found["jaw_open"]["mae"].measurement.value == 0.0
    assert found["mouth_wide"]["pearson_r"].measurement.reason == "the reference curve is constant"


def test_motion_of_arkit55_is_measured_on_its_projection() -> None:
    generator = np.random.default_rng(0)
    values = np.zeros((100, ARKIT55.size), np.float32)
    values[:, ARKIT55.index("jawOpen")] = np.clip(np.cumsum(generator.normal(0.0, 0.1, 100)) % 1.0, 0.0, 1.0)
    motion = Motion(values, ARKIT55)
    case = replace(speaking(6, num_frames=100), predicted=motion, reference=motion)
    assert values_of(case)["pearson_r"] == pytest.approx(1.0)


def test_a_clip_without_seen_frames_has_reasons_and_no_figures() -> None:
    case = speaking(7)
    blind = case.predicting(case.reference.values, np.zeros(len(case.reference), bool))
    assert set(values_of(blind).values()) == {None}
    assert intensity_of(blind) is None
    assert seen_span(blind.reference.valid) == slice(0, 0)
