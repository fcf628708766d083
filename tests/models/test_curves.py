"""A table of curves goes on where its run does."""

import csv
from pathlib import Path

from src.models.curves import CurveTable


def table(folder: Path) -> CurveTable:
    return CurveTable(str(folder), name="", version="")


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "metrics.csv", newline="") as file:
        return [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]


def test_a_resumed_run_writes_on_from_its_checkpoint(tmp_path: Path) -> None:
    first = table(tmp_path)
    for step in range(5):
        first.log_metrics({"loss": step / 2}, step)
        first.save()
    resumed = table(tmp_path)
    resumed.log_hyperparams({"lr": 1})
    assert len(rows(tmp_path)) == 5  # nothing is lost if this one is killed as well
    for step in (3, 4, 5):
        resumed.log_metrics({"loss": step * 10.0}, step)
        resumed.save()
    resumed.log_metrics({"val": 1.0}, 5)
    resumed.save()
    assert [row.get("loss") for row in rows(tmp_path)] == ["0.0", "0.5", "1.0", "30.0", "40.0", "50.0", None]
    assert rows(tmp_path)[-1] == {"step": "5", "val": "1.0"}


def test_a_new_run_begins_a_table(tmp_path: Path) -> None:
    logger = table(tmp_path / "run")
    logger.log_metrics({"loss": 1.0}, 0)
    logger.save()
    assert rows(tmp_path / "run") == [{"loss": "1.0", "step": "0"}]
