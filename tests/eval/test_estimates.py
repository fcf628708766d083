import numpy as np
import pytest

from src.errors import ConfigError
from src.eval.estimates import ONE_SPEAKER, Estimate, difference, estimate


def test_the_value_is_the_weighted_mean_of_the_clips_that_have_one() -> None:
    found = estimate([1.0, None, 4.0], [1.0, 9.0, 2.0], ["a", "a", "b"], draws=10, seed=0)
    assert found.value == pytest.approx(3.0)
    assert (found.clips, found.speakers, found.reason) == (2, 2, "")


def test_the_interval_of_two_speakers_is_spanned_by_either_alone() -> None:
    # Half of the draws hold both, a quarter each one of them twice: the tails are the speakers themselves.
    found = estimate([0.0, 1.0], [1.0, 1.0], ["a", "b"], draws=2000, seed=0)
    assert (found.low, found.value, found.high) == (0.0, 0.5, 1.0)


def test_the_interval_is_as_wide_as_the_standard_error_of_the_speakers_says() -> None:
    of_speaker = np.random.default_rng(0).normal(size=400)
    speakers = np.repeat(np.arange(400), 5)
    found = estimate(list(of_speaker[speakers]), [1.0] * 2000, [str(name) for name in speakers], draws=2000, seed=0)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * of_speaker.std() / 20.0, rel=0.06)


def test_more_clips_of_the_same_speakers_make_the_interval_no_narrower() -> None:
    few = estimate([0.0, 1.0, 2.0], [1.0] * 3, ["a", "b", "c"], draws=500, seed=1)
    many = estimate([0.0, 1.0, 2.0] * 50, [1.0] * 150, ["a", "b", "c"] * 50, draws=500, seed=1)
    assert (few.low, few.high) == (many.low, many.high)


def test_one_speaker_has_a_value_without_an_interval() -> None:
    assert estimate([1.0, 3.0], [1.0, 1.0], ["a", "a"], draws=10, seed=0) == Estimate(
        2.0, None, None, 2, 1, ONE_SPEAKER
    )


def test_no_value_is_none_and_never_zero() -> None:
    found = estimate([None, None], [1.0, 1.0], ["a", "b"], draws=10, seed=0)
    assert found == Estimate(None, None, None, 0, 0, "no clip has a value")
    assert estimate([], [], [], draws=10, seed=0).reason == "no clips"


def test_the_order_of_the_clips_does_not_matter() -> None:
    forth = estimate([1.0, 2.0, 5.0], [1.0, 2.0, 3.0], ["b", "a", "c"], draws=300, seed=4)
    back = estimate([5.0, 2.0, 1.0], [3.0, 2.0, 1.0], ["c", "a", "b"], draws=300, seed=4)
    assert forth == back


def test_a_constant_advantage_has_an_interval_of_no_width() -> None:
    # Clips differ far more than the two rows do; paired, that difference does not blur the advantage.
    found = difference([1.5, 9.5, None], [1.0, 9.0, 3.0], [1.0] * 3, ["a", "b", "c"], draws=100, seed=0)
    assert (found.low, found.value, found.high, found.clips) == (0.5, 0.5, 0.5, 2)


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 values, 1 weights and 2 speakers with 10 draws"):
        estimate([1.0, 2.0], [1.0], ["a", "b"], draws=10, seed=0)
