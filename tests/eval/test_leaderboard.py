"""Leaderboards rank by the mean over seeds, in one order, and know which configurations nothing beats."""

import random

import pytest

from src.eval.leaderboard import ClipScore, Objective, advantage, axis_text, finalists, pareto_front
from tests.eval.sweeps import grid, ranked, trial


def test_configurations_are_ranked_by_the_mean_over_their_seeds() -> None:
    board = ranked(
        trial(0, 0.50, group="a"),
        trial(1, 0.10, group="a", seed=1),
        trial(2, 0.35, group="b"),
        trial(3, 0.33, group="b", seed=1),
    )
    assert [row.group for row in board.rows] == ["b", "a"]
    assert [row.mean for row in board.rows] == pytest.approx([0.34, 0.30])
    assert [entry.value for entry in board.rows[1].entries] == [0.50, 0.10]
    assert board.rows[1].value.count == 2
    assert board.rows[1].value.low < 0.0  # two seeds far apart say little


def test_small_values_win_where_the_objective_says_so() -> None:
    board = ranked(trial(0, 2.0), trial(1, 1.0), objective=Objective("val/loss", "min"))
    assert [row.mean for row in board.rows] == [1.0, 2.0]
    assert [row.mean for row in pareto_front(board.rows, lambda row: row.latency_ms, board.objective)] == [2.0, 1.0]


def test_ties_and_the_order_of_arrival_change_nothing() -> None:
    entries = [trial(number, 0.3, axes={"models": "tcn", "lookahead": 7 - number}) for number in range(8)]
    labels = [row.label for row in ranked(*entries).rows]
    assert labels == sorted(labels)
    for shuffle in range(5):
        random.Random(shuffle).shuffle(entries)
        assert [row.label for row in ranked(*entries).rows] == labels


def test_controls_stand_apart_and_what_did_not_finish_is_kept() -> None:
    board = ranked(
        trial(0, 0.4),
        trial(1, None),
        trial(2, 0.2, kind="control", axes={"models": "energy"}),
        trial(3, None, state="pruned", error="stopped at epoch 2"),
        trial(4, None, state="unfinished", error=""),
    )
    assert [row.label for row in board.rows] == ["tcn \u00b7 lookahead 0"]
    assert [row.label for row in board.controls] == ["energy"]
    assert [entry.error for entry in (*board.failed, *board.pruned)] == ["it broke", "stopped at epoch 2"]
    assert (board.unfinished, board.trials, board.finished) == (1, 5, 2)
    assert board.axes == ["models", "lookahead"]


def test_configurations_that_read_alike_are_told_apart_by_their_id() -> None:
    board = ranked(trial(0, 0.4, axes={"models": "tcn"}), trial(1, 0.3, axes={"models": "tcn"}))
    assert [row.label for row in board.rows] == ["tcn (g000)", "tcn (g001)"]


def test_the_interval_over_speakers_is_that_of_the_best_seed() -> None:
    clips = {"a": ClipScore("ann", 300, 0.6), "b": ClipScore("bob", 100, 0.2), "c": ClipScore("cyn", 50, None)}
    (row,) = ranked(trial(0, 0.5, group="a", clips=clips), trial(1, 0.1, group="a", seed=1)).rows
    assert row.over_speakers.value == pytest.approx(0.5)
    assert (row.over_speakers.low, row.over_speakers.high) == pytest.approx((0.2, 0.6))
    assert (row.over_speakers.clips, row.over_speakers.speakers) == (2, 2)


def test_an_advantage_is_taken_over_the_clips_of_both() -> None:
    low = {"x": ClipScore("ann", 100, 0.1), "y": ClipScore("bob", 100, 0.1), "z": ClipScore("cyn", 100, 0.9)}
    high = {"x": ClipScore("ann", 100, 0.4), "y": ClipScore("bob", 100, 0.4)}
    board = ranked(trial(0, 0.4, clips=high), trial(1, 0.1, clips=low))
    found = advantage(*board.rows, draws=50, seed=0)
    assert (found.value, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))
    assert found.clips == 2


def test_the_winner_is_sought_among_those_tried_with_most_seeds() -> None:
    board = ranked(
        trial(0, 0.50),  # first by one lucky seed
        trial(1, 0.49, group="b"),
        trial(2, 0.41, group="b", seed=1),
        trial(3, 0.40, group="c"),
        trial(4, 0.40, group="c", seed=1),
    )
    assert [row.group for row in board.rows] == ["g000", "b", "c"]
    assert [row.group for row in finalists(board.rows)] == ["b", "c"]
    assert finalists([]) == []


def test_the_pareto_front_holds_what_nothing_beats_and_nothing_else() -> None:
    def priced(number: int, value: float, latency_ms: float | None) -> object:
        return trial(number, value, group=f"g{number}", latency_ms=latency_ms)

    board = ranked(
        priced(0, 0.30, 22.5),
        priced(1, 0.30, 22.5),  # equal to the first: both stay
        priced(2, 0.29, 22.5),  # as cheap, worse
        priced(3, 0.40, 102.5),
        priced(4, 0.40, 142.5),  # as good, dearer
        priced(5, 0.45, 182.5),
        priced(6, 0.90, None),  # of unknown price
    )
    front = pareto_front(board.rows, lambda row: row.latency_ms, board.objective)
    assert [row.group for row in front] == ["g0", "g1", "g3", "g5"]


def test_the_front_of_a_grid_is_its_best_at_each_latency() -> None:
    board = ranked(*grid())
    front = pareto_front(board.rows, lambda row: row.latency_ms, board.objective)
    assert [row.label for row in front] == [f"tcn \u00b7 mel \u00b7 lookahead {frames}" for frames in (0, 2, 4)]


@pytest.mark.parametrize(
    ("value", "text"), [("mel", "mel"), (2, "lr 2"), (3e-4, "lr 0.0003"), (True, "lr true"), (None, "lr none")]
)
def test_words_speak_for_themselves_and_numbers_have_their_name(value: object, text: str) -> None:
    assert axis_text("lr", value) == text
