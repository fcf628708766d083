"""The curves of a run as a table, which goes on where a killed run is resumed."""

import csv
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter
from pytorch_lightning.loggers.logger import rank_zero_experiment

from src.files import replacing


class CurveTable(CSVLogger):
    """Lightning's table, `metrics.csv`, without its habit of deleting the one of the run that is resumed.

    What was written after the checkpoint that a run goes on from is written again, so it is dropped first.
    """

    @property
    @rank_zero_experiment
    def experiment(self) -> "CurveWriter":
        """The writer, made when it is first asked for."""
        if not isinstance(self._experiment, CurveWriter):
            self._experiment = CurveWriter(log_dir=self.log_dir)
        return self._experiment


class CurveWriter(ExperimentWriter):
    """Adds rows to a table that may be there already."""

    def __init__(self, log_dir: str) -> None:
        """Write to `metrics.csv` in this folder."""
        self._goes_on = False
        super().__init__(log_dir)

    def log_metrics(self, metrics_dict: dict[str, Any], step: int | None = None) -> None:
        """Keep a row for the next `save`. The first one says where the run goes on."""
        if self._goes_on and step is not None:
            self._rewrite([row for row in self._rows() if int(row["step"]) < step], self.metrics_keys)
        self._goes_on = False
        super().log_metrics(metrics_dict, step)

    def _check_log_dir_exists(self) -> None:
        # The base class deletes the table here.
        if self._fs.isfile(self.metrics_file_path):
            with open(self.metrics_file_path, newline="") as file:
                self.metrics_keys = next(csv.reader(file), [])
            self._goes_on = True

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        self._rewrite(self._rows(), fieldnames)

    def _rows(self) -> list[dict[str, str]]:
        with open(self.metrics_file_path, newline="") as file:
            return list(csv.DictReader(file))

    def _rewrite(self, rows: list[dict[str, str]], fieldnames: list[str]) -> None:
        # In one step: the base class empties the table first, and a kill then loses it.
        with replacing(Path(self.metrics_file_path)) as unfinished, open(unfinished, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=fieldnames)
            writer.writeheader()
            writer.writerows(rows)
