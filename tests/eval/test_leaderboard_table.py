"""The table of a leaderboard says the same in every form, and everything that has no figure says why."""

import csv
import io

from src.eval.leaderboard_table import definition_table, failure_table, leaderboard_csv, leaderboard_table
from src.eval.tables import Flag, Head, Interval
from tests.eval.sweeps import LIP_R, grid, ranked, trial

BOARD = ranked(*grid(seeds=(0, 1)), trial(900, 0.2, kind="control", group="energy", axes={"models": "energy"}))


def test_the_csv_gives_back_every_figure() -> None:
    rows = list(csv.DictReader(io.StringIO(leaderboard_csv(BOARD, BOARD.rows[0]))))
    assert len(rows) == 19
    for row, read in zip((*BOARD.rows, *BOARD.controls), rows, strict=True):
        assert read["label"] == row.label
        assert read["axis.models"] == row.axes["models"]
        assert float(read["value"]) == row.mean
        assert float(read["seeds"]) == len(row.entries)
        assert float(read["latency_ms"]) == row.latency_ms
        assert read["seeds_low"] == ("" if row.value.low is None else str(row.value.low))
    assert [read["kind"] for read in rows] == ["model"] * 18 + ["control"]
    assert [read["is_best"] for read in rows] == ["1"] + ["0"] * 18
    assert rows[-1]["place"] == ""


def test_the_table_ranks_models_and_sets_controls_apart() -> None:
    table = leaderboard_table(BOARD, {"models": "architecture"}, BOARD.rows[0])
    assert [row[0] for row in table.rows[:3]] == [1, 2, 3]
    assert table.rows[-1][0] == Flag("control", is_bad=False, hint="energy: a reference to compare with")
    assert list(table.marked) == [0]
    assert table.columns[1] == "architecture"
    column = table.columns.index(Head("val/lip_r", "higher", "95 %, over seeds"))
    cell = table.rows[0][column]
    assert isinstance(cell, Interval)
    assert (cell.value, cell.low, cell.high) == (BOARD.rows[0].mean, BOARD.rows[0].value.low, BOARD.rows[0].value.high)
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_no_test_figure_is_in_the_table() -> None:
    board = ranked(trial(0, 0.4, figures={"val/lip_std_ratio": 0.5, "test/lip_r": 0.987}))
    assert "0.987" not in leaderboard_csv(board, None)
    assert "0.987" not in str(leaderboard_table(board, {}, None).rows)


def test_failures_say_the_end_of_what_went_wrong() -> None:
    board = ranked(
        trial(3, None, error="Traceback\n  in a file\n" + "x" * 600 + "\nOutOfMemoryError: too large"),
        trial(1, None, state="pruned", error="stopped after epoch 2"),
        trial(2, None, error="no such store"),
    )
    rows = failure_table(board).rows
    assert [row[0] for row in rows] == ["2 (t002)", "3 (t003)", "1 (t001)"]
    assert rows[0][-1] == "no such store"
    assert str(rows[1][-1]).endswith("OutOfMemoryError: too large")
    assert len(str(rows[1][-1])) <= 401


def test_every_column_is_defined() -> None:
    assert {row[0] for row in definition_table(LIP_R).rows} >= {"val/lip_r", "movement", "CPU", "latency"}
