"""Which files of a data set are clips, and what is known about each: one small class per layout.

A layout has one method, `sources`. Another data set is another class here and its file in `conf/data`.
"""

import csv
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from src.errors import DataError

logger = logging.getLogger(__name__)

_VOXCELEB_SPEAKER = re.compile(r"id\d+$")


@dataclass(frozen=True)
class Source:
    """A video to prepare, or a stretch of one.

    Attributes:
        path: where it is now.
        name: path relative to the root with `/`, which identifies it on every machine; a stretch of a file has a
            media fragment at its end, such as `a/b.mp4#t=12.5,20`.
        speaker: whom splits must not separate.
        language: BCP 47 code, empty if unknown.
        licence: terms of use, empty if unknown.
        consent: what the person shown agreed to, or where that is written; empty if unknown.
        start_s, end_s: the stretch of the file that is meant, in presentation time; None is its start, or its end.
        fix_offset: whether an estimated offset between sound and picture is to be corrected.
    """

    path: Path
    name: str
    speaker: str
    language: str
    licence: str
    consent: str = ""
    start_s: float | None = None
    end_s: float | None = None
    fix_offset: bool = False

    @property
    def file_name(self) -> str:
        """`name` without the `#t=start,end` that tells stretches of one file apart."""
        return self.name.split("#t=")[0]


class VideoFolder:
    """All videos below a folder, in any arrangement.

    The speaker is the `id*` folder of a VoxCeleb tree, otherwise the first sub-folder, otherwise the file
    itself. A manifest (CSV) in the folder or beside it knows better: columns `file` (relative to the
    manifest), `speaker_group` or `speaker`, `language`, and one of `licence_columns`.
    """

    def __init__(self, *, root: str, extensions: list[str], manifests: list[str], licence_columns: list[str]) -> None:
        """Describe the folder; nothing is read yet.

        Args:
            root: the folder.
            extensions: file name endings of videos, lower case with the dot.
            manifests: file names of manifests to look for, the first one found is used.
            licence_columns: manifest columns that may hold the licence, the first one present is used.
        """
        self.root = Path(root)
        self.extensions = tuple(extensions)
        self.manifests = tuple(manifests)
        self.licence_columns = tuple(licence_columns)

    def sources(self) -> list[Source]:
        """Every video, in the order of their names.

        Raises:
            DataError: the folder does not exist or holds no video, or its manifest is unreadable.
        """
        if not self.root.is_dir():
            raise DataError(f"{self.root}: no such folder. Give the folder with the videos as data.root.")
        paths = [
            path
            for path in sorted(self.root.rglob("*"), key=lambda path: path.relative_to(self.root).as_posix())
            if path.suffix.lower() in self.extensions and path.is_file() and not path.name.startswith(".")
        ]
        if not paths:
            raise DataError(
                f"{self.root}: no video in this folder or below it. Looked for {', '.join(self.extensions)}; "
                "give the folder with the videos as data.root."
            )
        known = self._manifest()
        sources = [self._source(path, known.get(path.resolve())) for path in paths]
        if known:
            described = sum(path.resolve() in known for path in paths)
            logger.info("the manifest describes %d of %d videos", described, len(paths))
        return sources

    def _source(self, path: Path, row: dict[str, str] | None) -> Source:
        name = path.relative_to(self.root).as_posix()
        row = row or {}
        licence = next((row[column] for column in self.licence_columns if row.get(column)), "")
        # The coarser label is used where there are two: its clips are what a split must keep together.
        speaker = row.get("speaker_group") or row.get("speaker") or _speaker_of(name)
        return Source(path, name, speaker, row.get("language") or "", licence)

    def _manifest(self) -> dict[Path, dict[str, str]]:
        """Rows of the manifest by the file they describe."""
        for folder in (self.root, self.root.resolve().parent):
            for name in self.manifests:
                path = folder / name
                if path.is_file():
                    logger.info("speakers, languages and licences come from %s", path)
                    return _read_manifest(path)
        return {}


def _read_manifest(path: Path) -> dict[Path, dict[str, str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = reader.fieldnames or []
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV file ({error}). Save it as UTF-8 CSV or move it away.") from error
    if "file" not in columns:
        raise DataError(
            f"{path}: the manifest has no column `file` (it has: {', '.join(columns) or 'none'}). "
            "Add it, with paths relative to the manifest, or move the manifest away."
        )
    return {(path.parent / row["file"]).resolve(): row for row in rows if row["file"]}


def _speaker_of(name: str) -> str:
    folders = name.split("/")[:-1]
    for folder in folders:
        if _VOXCELEB_SPEAKER.match(folder):
            return folder
    return folders[0] if folders else Path(name).stem
