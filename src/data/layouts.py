"""Which files of a data set are to be prepared, and what is known about each: one small class per layout.

A layout has one method, `sources`, which opens no video. Another data set is another class here and its file in
`conf/data`; a table of one's own is read by `src.data.manifest_layout`.
"""

import csv
import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
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
        """`name` without what tells stretches of one file apart."""
        return file_of(self.name)


def file_of(name: str) -> str:
    """The name of a source without the `#t=start,end` that tells stretches of one file apart."""
    return name.split("#t=")[0]


class VideoTree(ABC):
    """The videos below a folder, as far as they belong to the data set.

    Hidden files and folders are left out, and links to folders are not followed.
    """

    arrangement: str
    """Where the videos of such a data set are, for the message when there are none."""

    def __init__(
        self, *, root: str, extensions: Sequence[str], language: str, licence: str, consent: str, fix_offset: bool
    ) -> None:
        """Describe the tree; nothing is read yet.

        Args:
            root: the folder.
            extensions: file name endings of videos, lower case with the dot.
            language, licence, consent: of all videos for which nothing else is known.
            fix_offset: whether estimated offsets between sound and picture are to be corrected.
        """
        self.root = Path(root)
        self.extensions = tuple(extensions)
        self.language, self.licence, self.consent = language, licence, consent
        self.fix_offset = fix_offset

    def sources(self) -> list[Source]:
        """Every video of the data set, in the order of their names.

        Raises:
            DataError: the folder does not exist or holds no video of such a data set.
        """
        if not self.root.is_dir():
            raise DataError(f"{self.root}: no such folder. Give the folder with the videos as data.root.")
        names = sorted(_video_names(self.root, self.extensions))
        if not names:
            raise DataError(
                f"{self.root}: no video in this folder or below it. Looked for {', '.join(self.extensions)}; "
                "give the folder with the videos as data.root."
            )
        sources = [source for source in map(self._source, names) if source is not None]
        if not sources:
            raise DataError(
                f"{self.root}: {len(names)} videos, but none as {self.arrangement} (the first is {names[0]}). "
                "Give the root of that tree as data.root, or use data=folder for any other arrangement."
            )
        if len(sources) < len(names):
            logger.info("%d of %d videos are as %s", len(sources), len(names), self.arrangement)
        return sources

    @abstractmethod
    def speaker_of(self, name: str) -> str | None:
        """Who is seen in a video, by its name relative to the root; None if the video does not belong here."""

    def _source(self, name: str) -> Source | None:
        speaker = self.speaker_of(name)
        if speaker is None:
            return None
        return Source(
            path=self.root / name,
            name=name,
            speaker=speaker,
            language=self.language,
            licence=self.licence,
            consent=self.consent,
            fix_offset=self.fix_offset,
        )


class VideoFolder(VideoTree):
    """All videos below a folder, in any arrangement.

    The speaker is the `id*` folder of a VoxCeleb tree, otherwise the first sub-folder, otherwise the file
    itself. A manifest (CSV) in the folder or beside it knows better: columns `file` (relative to the
    manifest), `speaker_group` or `speaker`, `language`, `consent`, and one of `licence_columns`.
    """

    arrangement = "any file below the folder"

    def __init__(
        self,
        *,
        root: str,
        extensions: Sequence[str],
        manifests: Sequence[str],
        licence_columns: Sequence[str],
        language: str,
        licence: str,
        consent: str,
        fix_offset: bool,
    ) -> None:
        """Describe the folder; nothing is read yet.

        Args:
            root: the folder.
            extensions: file name endings of videos, lower case with the dot.
            manifests: file names of manifests to look for, the first one found is used.
            licence_columns: manifest columns that may hold the licence, the first one present is used.
            language, licence, consent: of all videos that the manifest does not describe.
            fix_offset: whether estimated offsets between sound and picture are to be corrected.
        """
        super().__init__(
            root=root,
            extensions=extensions,
            language=language,
            licence=licence,
            consent=consent,
            fix_offset=fix_offset,
        )
        self.manifests = tuple(manifests)
        self.licence_columns = tuple(licence_columns)
        self._folder = self.root
        self._known: dict[str, dict[str, str]] = {}

    def sources(self) -> list[Source]:
        """Every video, in the order of their names.

        Raises:
            DataError: the folder does not exist or holds no video, or its manifest is unreadable.
        """
        # Resolved once: to resolve each of a million files takes a minute.
        self._folder = self.root.resolve()
        self._known = self._manifest()
        sources = super().sources()
        if self._known:
            described = sum(self._key(source.name) in self._known for source in sources)
            logger.info("the manifest describes %d of %d videos", described, len(sources))
        return sources

    def speaker_of(self, name: str) -> str:
        """The `id*` folder, otherwise the first sub-folder, otherwise the stem of the file."""
        return speaker_by_folders(name)

    def _source(self, name: str) -> Source:
        path = self.root / name
        row = self._known.get(self._key(name), {})
        return Source(
            path=path,
            name=name,
            # The coarser label is used where there are two: its clips are what a split must keep together.
            speaker=row.get("speaker_group") or row.get("speaker") or self.speaker_of(name),
            language=row.get("language") or self.language,
            licence=next((row[column] for column in self.licence_columns if row.get(column)), self.licence),
            consent=row.get("consent") or self.consent,
            fix_offset=self.fix_offset,
        )

    def _key(self, name: str) -> str:
        return os.path.normpath(self._folder / name)

    def _manifest(self) -> dict[str, dict[str, str]]:
        """Rows of the manifest by the file they describe."""
        for folder in (self._folder, self._folder.parent):
            for name in self.manifests:
                path = folder / name
                if path.is_file():
                    logger.info("speakers, languages and licences come from %s", path)
                    return _read_manifest(path)
        return {}


class VoxCeleb(VideoTree):
    """VoxCeleb trees: `id00012/video/00001.mp4`, or `dev/mp4/id00012/<YouTube id>/00001.mp4` as VoxCeleb2 comes."""

    arrangement = "`id<number>/.../<clip>.mp4`"

    def speaker_of(self, name: str) -> str | None:
        """The `id*` folder."""
        return next((folder for folder in name.split("/")[:-1] if _VOXCELEB_SPEAKER.match(folder)), None)


class Hdtf(VideoTree):
    """HDTF as its download script leaves it: `RD_Radio30_000.mp4`, `WDA_NancyPelosi1_000.mp4`, in any folder.

    `WDA_NancyPelosi0` and `WDA_NancyPelosi1` are two recordings of one person, so the number is no part of the
    speaker; the `RD` videos are numbered only, and there it is. The uncut videos in `_videos_raw` are left out.

    Reference:
        https://github.com/MRzzm/HDTF, `download.py` and `HDTF_dataset/*_annotion_time.txt`.
    """

    arrangement = "`RD_*`, `WDA_*` or `WRA_<name>_<clip>.mp4`"
    _CLIP = re.compile(r"(?P<subset>RD|WDA|WRA)_(?P<name>[^_]+)_\d+(?:_.*)?$")

    def speaker_of(self, name: str) -> str | None:
        """The name in the file's name."""
        *folders, file = name.split("/")
        match = self._CLIP.match(file.rsplit(".", 1)[0])
        if match is None or "_videos_raw" in folders:
            return None
        return match["name"] if match["subset"] == "RD" else match["name"].rstrip("0123456789")


class Mead(VideoTree):
    """MEAD: `M003/video/front/happy/level_1/001.mp4`, actor, view, emotion, intensity and sentence."""

    _CLIP = re.compile(r"(?:.*/)?(?P<actor>[MW]\d{3})/(?:.*/)?video/(?P<view>[^/]+)/[^/]+/level_\d+/[^/]+$")

    def __init__(
        self,
        *,
        root: str,
        extensions: Sequence[str],
        views: Sequence[str],
        language: str,
        licence: str,
        consent: str,
        fix_offset: bool,
    ) -> None:
        """Describe the tree; nothing is read yet.

        Args:
            root: the folder with the actors' folders.
            extensions: file name endings of videos, lower case with the dot.
            views: cameras to use, of front, left_30, left_60, right_30, right_60, top and down.
            language, licence, consent: of all videos.
            fix_offset: whether estimated offsets between sound and picture are to be corrected.
        """
        super().__init__(
            root=root,
            extensions=extensions,
            language=language,
            licence=licence,
            consent=consent,
            fix_offset=fix_offset,
        )
        self.views = tuple(views)
        self.arrangement = f"`<actor>/video/<{'|'.join(views)}>/<emotion>/level_<number>/<sentence>.mp4`"

    def speaker_of(self, name: str) -> str | None:
        """The actor, where the view is wanted."""
        match = self._CLIP.match(name)
        return match["actor"] if match is not None and match["view"] in self.views else None


def speaker_by_folders(name: str) -> str:
    """The VoxCeleb-like `id*` folder of a video's name, otherwise its first folder, otherwise its stem."""
    folders = name.split("/")[:-1]
    for folder in folders:
        if _VOXCELEB_SPEAKER.match(folder):
            return folder
    return folders[0] if folders else Path(name).stem


def _video_names(root: Path, extensions: tuple[str, ...]) -> Iterator[str]:
    """Names relative to the root. Not `rglob`, which takes ten times as long."""
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        relative = Path(folder).relative_to(root).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        for file in files:
            if not file.startswith(".") and file.lower().endswith(extensions):
                yield prefix + file


def _read_manifest(path: Path) -> dict[str, dict[str, str]]:
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
    return {os.path.normpath(path.parent / row["file"]): row for row in rows if row["file"]}
