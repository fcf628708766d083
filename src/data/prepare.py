"""From any pile of talking videos to a store of aligned clips, and a report of what was refused or cut and why.

Work is spread over processes. A run that was stopped, even by `kill -9`, goes on where it was: clips and what
became of each source are on disk one by one, and are recognised by the hash of the source and of the settings.
"""

import functools
import logging
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from src.data.blendshapes import check_model
from src.data.clips import ClipMaker, ClipSettings, SourceResult
from src.data.layouts import Source
from src.data.records import SOURCES, CutStretch, read_record, record_path, refuse, source_id_of
from src.data.rejection import MediaError, Reason
from src.data.split import SplitRow
from src.data.store import CLIPS, Store, clip_path, write_local, write_manifest
from src.data.sync import RELIABLE_CONFIDENCE
from src.data.workers import Lost, WorkerPool
from src.errors import DataError
from src.files import sha256_of, write_json

logger = logging.getLogger(__name__)

REPORT = "report.json"


class Layout(Protocol):
    """Knows which files of a data set are clips (`src/data/layouts.py`)."""

    def sources(self) -> list[Source]:
        """Every video to prepare."""


class Pool(Protocol):
    """Works through tasks in other processes."""

    def run(self, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Pairs of task and result (or `Lost`), in the order in which they end."""


class PoolFactory(Protocol):
    """Makes a pool: `local_pool`, or `src.data.ray_workers.RayPool` with its own keys filled in."""

    def __call__(self, *, make: Callable[[], Callable[[Any], Any]], num_workers: int, timeout_s: float) -> Pool:
        """A pool whose processes each call `make` once; `num_workers` 0 leaves the number to the pool."""


class DrawSplit(Protocol):
    """Divides clips into parts: `src.data.split.assign_splits` with its own keys filled in."""

    def __call__(self, rows: Sequence[SplitRow]) -> dict[str, str]:
        """The part of each clip by its id."""


def local_pool(*, make: Callable[[], Callable[[Any], Any]], num_workers: int, timeout_s: float) -> WorkerPool:
    """Processes on this machine; `num_workers` 0 is one per core."""
    return WorkerPool(make=make, num_workers=num_workers or os.cpu_count() or 1, timeout_s=timeout_s)


@dataclass(frozen=True)
class Rejected:
    """A refused source: its path below the root, and `code: sentence`."""

    path: str
    reason: str


@dataclass(frozen=True)
class CutSource:
    """A source that was used in part, and the stretches that were not, in seconds of its presentation time."""

    path: str
    cut: tuple[CutStretch, ...]


@dataclass(frozen=True)
class PrepareReport:
    """What a preparation did; `report.json` holds the same names.

    Attributes:
        clips_ok: how many clips there are.
        clips_rejected: how many sources gave none.
        clips_reused: how many sources, used or refused, an earlier run had done.
        sources_ok: how many sources gave clips.
        segments: how many clips are a part of their source.
        minutes: length of the clips together.
        seconds_cut: what was left out of the sources that gave clips, by reason.
        speakers, languages: how many different ones.
        licences, consents: how many clips are under which licence and of which consent; empty if unknown.
        splits: how many clips are in which part.
        split_hash: of the store (`Store.split_hash`).
        offsets: of the sources whose offset was surely estimated: how many (`sources`), their `median_ms`, `p5_ms`
            and `p95_ms`, and how many were corrected (`fixed`).
        engine: which kind of processes worked.
        workers: processes at the same time; 0 if that was left to the cluster.
        realtime_factor: seconds of clips made in this run per second of waiting.
        realtime_factor_per_worker: the same per second of work of one process.
        seconds: how long this run took.
        stages_seconds: work of all processes together, by stage.
        reasons: how many sources were refused for each code.
        rejected: the refused sources.
        cut: the sources that were used in part.
        content_hash: of the store (`Store.content_hash`).
    """

    clips_ok: int
    clips_rejected: int
    clips_reused: int
    sources_ok: int
    segments: int
    minutes: float
    seconds_cut: dict[str, float]
    speakers: int
    languages: int
    licences: dict[str, int]
    consents: dict[str, int]
    splits: dict[str, int]
    split_hash: str
    offsets: dict[str, float | None]
    engine: str
    workers: int
    realtime_factor: float
    realtime_factor_per_worker: float
    seconds: float
    stages_seconds: dict[str, float]
    reasons: dict[str, int]
    rejected: tuple[Rejected, ...]
    cut: tuple[CutSource, ...]
    content_hash: str


class Preparation:
    """Prepares stores.

    Attributes:
        settings: how clips are made and when they are refused.
        face_landmarker: path of `face_landmarker.task`, for `arkit55` beside `core7`; None goes without.
        engine: name of the kind of processes, for the report.
        pool: makes them.
        workers: processes at the same time; 0 means one per core, or all that a cluster has.
        timeout_s: longest time for one source, after which it is refused.
        split: divides the clips.
    """

    def __init__(
        self,
        *,
        settings: ClipSettings,
        face_landmarker: str | None,
        engine: str,
        pool: PoolFactory,
        workers: int,
        timeout_s: float,
        split: DrawSplit,
    ) -> None:
        self.settings = settings
        self.face_landmarker = Path(os.path.abspath(face_landmarker)) if face_landmarker is not None else None
        self.engine = engine
        self.pool = pool
        self.workers = workers
        self.timeout_s = timeout_s
        self.split = split

    def run(self, layout: Layout, folder: Path, on_clip: Callable[[int, int], None]) -> PrepareReport:
        """Prepare every source of a layout.

        Args:
            layout: gives the sources.
            folder: the store to make or to go on with.
            on_clip: told after every source how many of how many are done.

        Returns:
            The report, which is also written to the store.

        Raises:
            DataError: there is no video, no clip survived, the model file is not the right one, or the processes can't
                start.
        """
        start = time.perf_counter()
        if self.face_landmarker is not None:
            check_model(self.face_landmarker)
        # Absolute, because the processes of a cluster work somewhere else.
        folder = Path(os.path.abspath(folder))
        sources = [replace(source, path=Path(os.path.abspath(source.path))) for source in layout.sources()]
        (folder / CLIPS).mkdir(parents=True, exist_ok=True)
        logger.info("preparing %d videos into %s", len(sources), folder)
        results = self._work(sources, folder, on_clip)
        store = self._write_tables(results, sources, folder)
        _remove_leftovers(folder, results)
        report = _report(results, store, self.engine, self.workers, time.perf_counter() - start)
        write_json(folder / REPORT, asdict(report))
        _tell(report)
        if not report.clips_ok:
            examples = "; ".join(f"{each.path}: {each.reason}" for each in report.rejected[:3])
            raise DataError(
                f"{folder / REPORT}: none of {len(sources)} videos could be used ({examples}). "
                "The report has the reason for each."
            )
        return report

    def _work(self, sources: Sequence[Source], folder: Path, on_clip: Callable[[int, int], None]) -> list[SourceResult]:
        make = functools.partial(ClipMaker, folder, self.settings, self.timeout_s, self.face_landmarker)
        pool = self.pool(make=make, num_workers=min(self.workers, len(sources)), timeout_s=self.timeout_s)
        results = []
        # The largest first, so that no process is left alone with a long video at the end.
        for source, result in pool.run(sorted(sources, key=_size, reverse=True)):
            if isinstance(result, Lost):
                result = self._lost(source, folder, result)
            if not result.reused and result.record.reason:
                logger.debug("%s: %s", result.record.path, result.record.reason)
            results.append(result)
            on_clip(len(results), len(sources))
        return sorted(results, key=lambda result: result.record.path)

    def _lost(self, source: Source, folder: Path, lost: Lost) -> SourceResult:
        again = f"Delete {record_path(Path(), source.name).as_posix()} to try it again."
        if lost is Lost.TIMEOUT:
            reason = Reason.TIMEOUT
            sentence = f"not done after {self.timeout_s:g} s. Check the file, or raise prepare.timeout_s. {again}"
        else:
            reason = Reason.CRASHED
            sentence = (
                "decoding it ends the whole process. Convert the file with FFmpeg, or leave it out; if the memory was "
                f"full, lower prepare.workers. {again}"
            )
        error = MediaError(source.path, reason, sentence)
        timeout_s = self.timeout_s if lost is Lost.TIMEOUT else 0.0
        config_hash = self.settings.config_hash(has_blendshapes=self.face_landmarker is not None)
        record = refuse(folder, source, error, sha256_of(source.path), config_hash, timeout_s=timeout_s)
        return SourceResult(record, (), False, {})

    def _write_tables(self, results: Sequence[SourceResult], sources: Sequence[Source], folder: Path) -> Store:
        """The manifest with the split drawn over it, and where the videos are."""
        rows = [clip for result in results for clip in result.clips]
        entries = [SplitRow(row.clip_id, row.speaker, row.language, row.frames) for row in rows]
        write_local(folder, {source.file_name: source.path for source in sources})
        return write_manifest(folder, rows, self.split(entries) if entries else {})


def _size(source: Source) -> int:
    try:
        return source.path.stat().st_size
    except OSError:  # gone since the folder was listed; reading it will say so
        return 0


def _remove_leftovers(folder: Path, results: Iterable[SourceResult]) -> None:
    """Remove what runs left behind that were killed: half-written files, and clips that no record names."""
    known = {clip.clip_id for result in results for clip in result.clips}
    ours = {record_path(folder, result.record.path) for result in results}
    for path in (folder / SOURCES).glob("*.json"):
        if path not in ours and not path.name.startswith(".") and (record := read_record(path)) is not None:
            known |= record.clips.keys()  # of another folder that was prepared into the same store
    for path in (folder / CLIPS).iterdir():
        if path.name.startswith(".") or path != clip_path(folder, path.stem) or path.stem not in known:
            path.unlink(missing_ok=True)
    for path in (folder / SOURCES).glob(".*"):
        path.unlink(missing_ok=True)


def _report(results: Sequence[SourceResult], store: Store, engine: str, workers: int, seconds: float) -> PrepareReport:
    stages: dict[str, float] = defaultdict(float)
    for result in results:
        for stage, spent in result.stages_s.items():
            stages[stage] += spent
    made_s = sum(clip.seconds for result in results if not result.reused for clip in result.clips)
    work_s = sum(stages.values())
    used = [result for result in results if result.clips]
    rejected = tuple(Rejected(each.record.path, each.record.reason) for each in results if not each.clips)
    cut = tuple(CutSource(each.record.path, each.record.cut) for each in used if each.record.cut)
    seconds_cut: dict[str, float] = defaultdict(float)
    for stretch in (stretch for each in cut for stretch in each.cut):
        seconds_cut[stretch.reason] += stretch.end_s - stretch.start_s
    clips = store.clips
    return PrepareReport(
        clips_ok=len(clips),
        clips_rejected=len(rejected),
        clips_reused=sum(result.reused for result in results),
        sources_ok=len(used),
        segments=sum(clip.clip_id != source_id_of(clip.path) for each in used for clip in each.clips),
        minutes=sum(clips.column("seconds")) / 60,
        seconds_cut={
            reason: round(spent, 2) for reason, spent in sorted(seconds_cut.items(), key=lambda item: -item[1])
        },
        speakers=len(set(clips.column("speaker"))),
        languages=len(set(clips.column("language")) - {""}),
        licences=_counts(clips.column("licence")),
        consents=_counts(clips.column("consent")),
        splits=_counts(clips.column("split")),
        split_hash=store.split_hash,
        offsets=_offsets(used),
        engine=engine,
        workers=workers,
        realtime_factor=made_s / seconds,
        realtime_factor_per_worker=made_s / work_s if work_s else 0.0,
        seconds=seconds,
        stages_seconds={stage: round(spent, 3) for stage, spent in sorted(stages.items())},
        reasons=_counts(each.reason.split(":", 1)[0] for each in rejected),
        rejected=rejected,
        cut=cut,
        content_hash=store.content_hash,
    )


def _offsets(used: Iterable[SourceResult]) -> dict[str, float | None]:
    records = [result.record for result in used if result.record.offset_confidence >= RELIABLE_CONFIDENCE]
    values = np.array([record.offset_ms for record in records])
    low, middle, high = np.percentile(values, [5, 50, 95]).round(1).tolist() if len(values) else (None,) * 3
    fixed = sum(record.offset_fixed for record in records)
    return {"sources": len(records), "median_ms": middle, "p5_ms": low, "p95_ms": high, "fixed": fixed}


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _tell(report: PrepareReport) -> None:
    logger.info(
        "%d clips of %d videos, %.1f minutes, %d speakers; %d refused%s%s; %s",
        report.clips_ok,
        report.sources_ok,
        report.minutes,
        report.speakers,
        report.clips_rejected,
        _listed(report.reasons, "%d %s"),
        "; cut" + _listed(report.seconds_cut, "%.1f s %s") if report.seconds_cut else "",
        f"{report.realtime_factor:.1f} times real time" if report.realtime_factor else "all were there already",
    )


def _listed(amounts: Mapping[str, float], template: str) -> str:
    return "".join(", " + template % (amount, name) for name, amount in amounts.items())
