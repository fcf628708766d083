"""A data set described by a table: one row for each video, or for each stretch of one.

The table is CSV (UTF-8) or Parquet. Which of its columns says what is configuration; columns that nobody asked for
are ignored. Rows are checked before anything is prepared, and a wrong one is named by its line. A file that does not
exist is no fault of the table: it is refused in the run like any other file that can't be read.
"""

import csv
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from src.data.layouts import Source, speaker_by_folders
from src.errors import ConfigError, DataError

_FIELDS = ("path", "start", "end", "speaker", "language", "licence", "consent")
_MAX_FAULTS_SHOWN = 5


class ManifestLayout:
    """Videos, or stretches of videos, that a table names."""

    def __init__(
        self,
        *,
        manifest: str,
        columns: Mapping[str, str],
        language: str,
        licence: str,
        consent: str,
        fix_offset: bool,
    ) -> None:
        """Describe the table; nothing is read yet.

        Args:
            manifest: CSV file, or Parquet by the ending `.parquet`.
            columns: which column says what, for each of `path` (relative to the manifest), `start`, `end` (seconds
                of presentation time; empty is the start or the end of the file), `speaker` (by default told by
                the folders), `language`, `licence` and `consent`. Only the column of `path` must be there.
            language, licence, consent: of all rows that do not say.
            fix_offset: whether estimated offsets between sound and picture are to be corrected.
        """
        if set(columns) != set(_FIELDS):
            raise ConfigError(
                f"data.columns names {', '.join(columns) or 'nothing'}; it must have a column name for each of "
                f"{', '.join(_FIELDS)}."
            )
        self.manifest = Path(manifest)
        self.columns = dict(columns)
        self.language, self.licence, self.consent = language, licence, consent
        self.fix_offset = fix_offset

    def sources(self) -> list[Source]:
        """One source for each row, in the order of their names.

        Raises:
            DataError: the table is missing, unreadable, empty, or has wrong rows; names them.
        """
        sources: list[Source] = []
        faults: list[str] = []
        line_of: dict[str, int] = {}
        for line, row in self._rows():
            try:
                source = self._source(row)
            except ValueError as fault:
                faults.append(f"line {line}: {fault}")
                continue
            if source.name in line_of:
                faults.append(f"line {line}: {source.name} is already in line {line_of[source.name]}")
                continue
            line_of[source.name] = line
            sources.append(source)
        if faults:
            more = f"; and {len(faults) - _MAX_FAULTS_SHOWN} more" if len(faults) > _MAX_FAULTS_SHOWN else ""
            raise DataError(
                f"{self.manifest}: {len(faults)} wrong rows: {'; '.join(faults[:_MAX_FAULTS_SHOWN])}{more}. "
                "Correct or delete them."
            )
        if not sources:
            raise DataError(f"{self.manifest}: the manifest has no rows. Give one for each video.")
        return sorted(sources, key=lambda source: source.name)

    def _source(self, row: Mapping[str, Any]) -> Source:
        said = {field: row.get(column) for field, column in self.columns.items()}
        path, speaker, language, licence, consent = (
            "" if said[field] is None else str(said[field]).strip()
            for field in ("path", "speaker", "language", "licence", "consent")
        )
        if not path:
            raise ValueError(f"{self.columns['path']} is empty")
        start_s, end_s = (_seconds(self.columns[field], said[field]) for field in ("start", "end"))
        if end_s is not None and end_s <= (start_s or 0.0):
            raise ValueError(f"{self.columns['end']} {end_s:g} is not after {self.columns['start']} {start_s or 0:g}")
        file = self.manifest.parent / path
        name = _name(file, self.manifest.parent)
        stretch = "" if start_s is None and end_s is None else f"#t={_shown(start_s)},{_shown(end_s)}"
        return Source(
            path=file,
            name=name + stretch.rstrip(","),
            speaker=speaker or speaker_by_folders(name),
            language=language or self.language,
            licence=licence or self.licence,
            consent=consent or self.consent,
            start_s=start_s,
            end_s=end_s,
            fix_offset=self.fix_offset,
        )

    def _rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Rows with their numbers: the line in a CSV file, the row from 1 in a Parquet file."""
        if not self.manifest.is_file():
            raise DataError(f"{self.manifest}: no such file. Give the table of the videos as data.manifest.")
        try:
            if self.manifest.suffix.lower() == ".parquet":
                table = pq.read_table(self.manifest)
                self._check_columns(table.column_names)
                wanted = [column for column in self.columns.values() if column in table.column_names]
                yield from enumerate(table.select(list(dict.fromkeys(wanted))).to_pylist(), start=1)
            else:
                with open(self.manifest, encoding="utf-8-sig", newline="") as opened:
                    reader = csv.DictReader(opened)
                    self._check_columns(reader.fieldnames or [])
                    for row in reader:
                        yield reader.line_num, row
        except (UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
            raise DataError(
                f"{self.manifest}: not a readable table ({error}). Save it as UTF-8 CSV, or as Parquet with the "
                "ending .parquet."
            ) from error

    def _check_columns(self, found: Any) -> None:
        column = self.columns["path"]
        if column not in found:
            raise DataError(
                f"{self.manifest}: there is no column `{column}` (there are: {', '.join(found) or 'none'}). Name the "
                "column with the files as data.columns.path."
            )


def _seconds(column: str, said: Any) -> float | None:
    if said is None or (isinstance(said, float) and math.isnan(said)) or str(said).strip() == "":
        return None
    try:
        seconds = float(said)
    except ValueError:
        raise ValueError(f"{column} is {said!r}, expected seconds such as 12.5") from None
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{column} is {said!r}, expected seconds from 0")
    return seconds


def _shown(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3f}".rstrip("0").rstrip(".")


def _name(file: Path, folder: Path) -> str:
    """The path relative to the manifest, which is the same on every machine that has the data set in one piece."""
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return file.as_posix()
