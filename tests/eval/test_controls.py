from dataclasses import replace

import numpy as np
import pytest

from src.errors import ConfigError
from src.eval.clip_figures import hear
from src.eval.controls import model_row, noise_row, shifted_row, shuffled_row, still_row, truth_row
from src.eval.rows import Bootstrap, MeasuredRow, differences, measure
from src.motion import CORE7
from tests.eval.speaking import speaking

BOOTSTRAP = Bootstrap(draws=200, seed=0)
WORDS = [speaking(seed, speaker=f"speaker{seed % 8}", num_frames=30, word=True) for seed in range(80)]
SENTENCES = [speaking(seed, speaker=f"speaker{seed % 4}") for seed in range(12)]


def measured(row) -> MeasuredRow:  # type: ignore[no-untyped-def]
    return measure(row, [hear(case) for case in row.draws[0]], BOOTSTRAP)


@pytest.mark.parametrize("shift_ms", [-120.0, -40.0, 40.0, 120.0])
def test_shifted_truth_finds_its_shift_within_5_ms(shift_ms: float) -> None:
    lag = measured(shifted_row(SENTENCES, shift_ms)).figures["lag"]
    assert lag.value == pytest.approx(shift_ms, abs=5.0)
    assert lag.low == pytest.approx(shift_ms, abs=5.0)
    assert lag.clips == 12


def test_frames_that_a_shift_leaves_without_truth_do_not_count() -> None:
    row = shifted_row(SENTENCES, 120.0)
    seen = row.draws[0][0].reference.valid
    assert not seen[:3].any()
    assert seen[3:].all()
    early = shifted_row(SENTENCES, -40.0).draws[0][0].reference.valid
    assert early[:-1].all()
    assert not early[-1]


def test_a_shift_of_half_a_frame_is_refused() -> None:
    with pytest.raises(ConfigError, match="a shift of 20 ms is 0.5 frames. Give whole frames, multiples of 40 ms"):
        shifted_row(SENTENCES, 20.0)


def test_shuffled_audio_is_near_zero_even_where_all_clips_are_words_in_their_middle() -> None:
    # Exchanging whole clips keeps the rhythm of the corpus and scores far above 0.
    exchanged = [
        case.predicting(other.reference.values) for case, other in zip(WORDS, WORDS[1:] + WORDS[:1], strict=True)
    ]
    naive = measured(model_row(exchanged, "", "")).figures["pearson_r"]
    shuffled = measured(shuffled_row(WORDS, draws=5, seed=0)).figures["pearson_r"]
    assert naive.value is not None
    assert naive.value > 0.4
    assert shuffled.value == pytest.approx(0.0, abs=0.12)


def test_shuffled_clips_are_predictions_from_elsewhere_in_their_own_frames() -> None:
    row = shuffled_row(SENTENCES, draws=2, seed=3)
    again = shuffled_row(SENTENCES, draws=2, seed=3)
    for case, first, second, same in zip(SENTENCES, *row.draws, again.draws[0], strict=True):
        assert (case.clip_id, len(case.reference)) == (first.clip_id, len(first.predicted))
        assert not (first.predicted.channel("head_yaw") == case.predicted.channel("head_yaw")).any()
        assert not np.array_equal(first.predicted.values, second.predicted.values)
        np.testing.assert_array_equal(first.predicted.values, same.predicted.values)


def test_truth_reaches_the_best_figures_and_noise_of_the_labels_a_little_less() -> None:
    truth = measured(truth_row(SENTENCES)).figures
    noisy = measured(noise_row(SENTENCES, {"jaw_open": 0.02}, seed=0)).figures
    assert truth["pearson_r"].value == pytest.approx(1.0)
    assert truth["lip_mae"].value == 0.0
    # The mean size of Gaussian noise is its deviation times the root of 2 / pi; shut lips can't go lower.
    assert noisy["lip_mae"].value == pytest.approx(0.02 * np.sqrt(2 / np.pi), rel=0.25)
    assert 0.8 < noisy["pearson_r"].value < 1.0  # type: ignore[operator]
    assert noisy["head_speed"].value == pytest.approx(truth["head_speed"].value)


def test_mean_pose_has_errors_and_no_correlation() -> None:
    pose = np.mean([case.reference.values.mean(axis=0) for case in SENTENCES], axis=0)
    found = measured(still_row(SENTENCES, pose)).figures
    assert found["pearson_r"].value is None
    assert found["pearson_r"].reason == "the predicted curve is constant"
    assert found["std_ratio"].value == pytest.approx(0.0, abs=1e-6)
    assert found["lip_mae"].value > 0.0  # type: ignore[operator]


def test_a_model_that_is_the_truth_beats_shuffled_audio_by_an_interval_above_zero() -> None:
    speakers = [case.speaker for case in SENTENCES]
    model, chance = measured(model_row(SENTENCES, "Model", "")), measured(shuffled_row(SENTENCES, draws=3, seed=0))
    found = differences(model, chance, speakers, BOOTSTRAP)["pearson_r"]
    assert found.low is not None
    assert found.low > 0.5
    assert found.clips == 12


def test_a_row_tells_what_it_is_and_how_many_it_was_measured_on() -> None:
    record = measured(truth_row([replace(case, speaker="anna") for case in SENTENCES])).to_dict()
    assert (record["label"], record["kind"]) == ("Ground truth", "ceiling")
    assert record["figures"]["pearson_r"] == {
        "value": pytest.approx(1.0), "low": None, "high": None, "clips": 12, "speakers": 1,
        "reason": "one speaker, an interval over speakers needs 2",
    }  # fmt: skip
    assert list(record["figures"])[:3] == ["pearson_r", "ccc", "std_ratio"]
    assert SENTENCES[0].reference.spec is CORE7
