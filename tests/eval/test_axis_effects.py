"""Effects of choices are means over configurations that differ in nothing else."""

import pytest

from src.eval.axis_effects import axis_effects
from tests.eval.sweeps import grid, ranked, trial


def test_a_grid_gives_back_what_it_was_made_of() -> None:
    board = ranked(*grid())
    effects = {
        (effect.axis, effect.base, effect.other): effect.change for effect in axis_effects(board.rows, board.axes)
    }
    assert effects["features", "mel", "mfcc"].value == pytest.approx(-0.02)
    assert effects["features", "mel", "mfcc"].count == 9
    assert effects["lookahead", 0, 4].value == pytest.approx(0.04)
    assert effects["models", "lstm", "tcn"].value == pytest.approx(0.04)
    assert effects["models", "lstm", "tcn"].low == pytest.approx(0.04)
    assert len(effects) == 1 + 3 + 3


def test_the_interval_is_over_matched_pairs() -> None:
    axes = [{"models": model, "features": features} for model in ("a", "b", "c") for features in ("mel", "mfcc")]
    values = (0.1, 0.2, 0.1, 0.3, 0.1, 0.4)  # mfcc is worth 0.1, 0.2, 0.3
    board = ranked(*(trial(number, value, axes=axes[number]) for number, value in enumerate(values)))
    (change,) = (effect.change for effect in axis_effects(board.rows, ["features"]))
    assert (change.value, change.count) == (pytest.approx(0.2), 3)
    assert change.low == pytest.approx(0.2 - 4.302653 * 0.1 / 3**0.5, abs=1e-5)


def test_only_seeds_that_both_have_are_compared() -> None:
    axes = {"mel": {"features": "mel"}, "mfcc": {"features": "mfcc"}}
    board = ranked(
        trial(0, 0.5, group="mel", axes=axes["mel"]),
        trial(1, 0.1, group="mel", axes=axes["mel"], seed=1),  # unlucky, and mfcc never tried this seed
        trial(2, 0.4, group="mfcc", axes=axes["mfcc"]),
    )
    (effect,) = axis_effects(board.rows, board.axes)
    assert effect.change.value == pytest.approx(-0.1)


def test_configurations_that_differ_in_two_things_say_nothing() -> None:
    board = ranked(
        trial(0, 0.5, axes={"models": "tcn", "features": "mel"}),
        trial(1, 0.4, axes={"models": "lstm", "features": "mfcc"}),
        trial(2, 0.3, axes={"models": "lstm", "features": "whisper"}, seed=3),
    )
    assert axis_effects(board.rows, board.axes) == []


def test_the_strongest_axis_comes_first() -> None:
    board = ranked(*grid())
    assert [effect.axis for effect in axis_effects(board.rows, board.axes)][-1] == "features"


def test_many_values_are_not_compared_each_with_each() -> None:
    numbers = ranked(*(trial(number, 0.1 * number, axes={"lookahead": number}) for number in range(5)))
    assert {(effect.base, effect.other) for effect in axis_effects(numbers.rows, numbers.axes)} == {
        (0, 1), (1, 2), (2, 3), (3, 4), (0, 4),
    }  # fmt: skip
    words = ranked(*(trial(number, 0.1 * number, axes={"models": f"net{number}"}) for number in range(5)))
    assert {effect.base for effect in axis_effects(words.rows, words.axes)} == {"net0"}
