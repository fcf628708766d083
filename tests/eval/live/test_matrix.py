"""A table over runs names what was varied, and nothing else."""

import json
from pathlib import Path

import pytest

from src.errors import DataError
from src.eval.live.matrix import matrix_page, read_runs, varied
from src.eval.report import page_html
from tests.eval.live.records import record


def test_the_table_has_a_column_for_each_choice_that_differs() -> None:
    runs = {
        str(number): record(overrides=["audio=a.wav", f"chunk_ms={10 * number}", *more])
        for number, more in enumerate(([], ["render=mesh_256"]), start=1)
    }
    assert varied(list(runs.values())) == ["chunk_ms", "render"]
    page = matrix_page(runs)
    (table,) = page.blocks
    assert [row[:3] for row in table.rows] == [["1", "10", ""], ["2", "20", "mesh_256"]]  # type: ignore[union-attr]
    html = page_html(page)
    assert "2 runs in virtual time" in html
    assert html.count("python -m scripts.realtime_eval") == 1  # one command made both
    assert "2000" not in html  # no drift per hour from 5 seconds


def test_runs_are_read_in_order_and_a_broken_one_is_named(tmp_path: Path) -> None:
    for name, command in (("0", "a"), ("2", "a"), ("10", "a"), ("11", "another")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps({"command": command}))
    (tmp_path / "notes").mkdir()
    assert list(read_runs(tmp_path, "report.json", "a")) == ["0", "2", "10"]
    (tmp_path / "2" / "report.json").write_text("{")
    with pytest.raises(DataError, match="no JSON"):
        read_runs(tmp_path, "report.json", "a")
