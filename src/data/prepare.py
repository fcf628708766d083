"""From any pile of talking videos to a store of aligned clips, and a report of what was refused and why.

Work is spread over processes. A run that was stopped, even by `kill -9`, goes on where it was: clips and
refusals are on disk one by one, and are recognised by the hash of their source and of the settings.
"""

import functools
import logging
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from src.data.clips import ClipMaker, ClipResult, ClipSettings, remember_refusal
from src.data.layouts import Source
from src.data.rejection import Reason
from src.data.store import CLIPS, Store, write_manifest
from src.data.workers import Lost, WorkerPool
from src.errors import DataError
from src.files import sha256_of, write_json

logger = logging.getLogger(__name__)

REPORT = "report.json"


class Layout(Protocol):
    """Knows which files of a data set are clips (`src/data/layouts.py`)."""

    def sources(self) -> list[Source]:
        """Every video to prepare."""


@dataclass(frozen=True)
class Rejected:
    """A refused file: its path below the root, and `code: sentence`."""

    path: str
    reason: str


@dataclass(frozen=True)
class PrepareReport:
    """What a preparation did; `report.json` holds the same names.

    Attributes:
        clips_ok, clips_rejected: how many sources became clips, and how many did not.
        clips_reused: how many of both an earlier run had done.
        minutes: length of the clips together.
        speakers, languages: how many different ones.
        realtime_factor: seconds of clips made in this run per second of waiting.
        realtime_factor_per_worker: the same per second of work of one process.
        workers: processes at the same time.
        seconds: how long this run took.
        stages_seconds: work of all processes together, by stage.
        reasons: how many files were refused for each code.
        rejected: the refused files.
        content_hash: of the store (`Store.content_hash`).
    """

    clips_ok: int
    clips_rejected: int
    clips_reused: int
    minutes: float
    speakers: int
    languages: int
    realtime_factor: float
    realtime_factor_per_worker: float
    workers: int
    seconds: float
    stages_seconds: dict[str, float]
    reasons: dict[str, int]
    rejected: tuple[Rejected, ...]
    content_hash: str


class Preparation:
    """Prepares stores.

    Attributes:
        settings: how a clip is made and when it is refused.
        workers: processes at the same time; 0 means one per core.
        timeout_s: longest time for one video, after which it is refused.
    """

    def __init__(self, *, settings: ClipSettings, workers: int, timeout_s: float) -> None:
        self.settings = settings
        self.workers = workers or os.cpu_count() or 1
        self.timeout_s = timeout_s

    def run(self, layout: Layout, folder: Path, on_clip: Callable[[int, int], None]) -> PrepareReport:
        """Prepare every source of a layout.

        Args:
            layout: gives the sources.
            folder: the store to make or to go on with.
            on_clip: told after every clip how many of how many are done.

        Returns:
            The report, which is also written to the store.

        Raises:
            DataError: there is no video, no clip survived, or the processes can't start.
        """
        start = time.perf_counter()
        sources = layout.sources()
        (folder / CLIPS).mkdir(parents=True, exist_ok=True)
        for unfinished in (folder / CLIPS).glob(".*"):  # of a run that was killed while it wrote
            unfinished.unlink()
        workers = min(self.workers, len(sources))
        logger.info("preparing %d videos with %d processes into %s", len(sources), workers, folder)
        results = self._work(sources, folder, workers, on_clip)
        store = write_manifest(folder, [result.info for result in results if result.info is not None])
        report = _report(results, store, workers, time.perf_counter() - start)
        write_json(folder / REPORT, asdict(report))
        logger.info(
            "%d clips, %.1f minutes, %d speakers; %d refused%s; %s",
            report.clips_ok,
            report.minutes,
            report.speakers,
            report.clips_rejected,
            "".join(f", {count} {code}" for code, count in report.reasons.items()),
            f"{report.realtime_factor:.1f} times real time"
            if report.clips_reused < report.clips_ok
            else "all were there already",
        )
        if not report.clips_ok:
            examples = "; ".join(f"{each.path}: {each.reason}" for each in report.rejected[:3])
            raise DataError(
                f"{folder / REPORT}: none of {len(sources)} videos could be used ({examples}). "
                "The report has the reason for each."
            )
        return report

    def _work(
        self, sources: list[Source], folder: Path, workers: int, on_clip: Callable[[int, int], None]
    ) -> list[ClipResult]:
        pool = WorkerPool(
            make=functools.partial(ClipMaker, folder, self.settings), num_workers=workers, timeout_s=self.timeout_s
        )
        results = []
        # The largest first, so that no process is left alone with a long video at the end.
        by_size = sorted(sources, key=lambda source: source.path.stat().st_size, reverse=True)
        for source, result in pool.run(by_size):
            if isinstance(result, Lost):
                result = self._lost(source, folder, result)
            if not result.reused and result.reason:
                logger.debug("%s: %s", result.name, result.reason)
            results.append(result)
            on_clip(len(results), len(sources))
        return sorted(results, key=lambda result: result.name)

    def _lost(self, source: Source, folder: Path, lost: Lost) -> ClipResult:
        if lost is Lost.TIMEOUT:
            reason = (
                f"{Reason.TIMEOUT}: not done after {self.timeout_s:g} s. Check the file, or raise prepare.timeout_s."
            )
        else:
            reason = (
                f"{Reason.CRASHED}: decoding it ends the whole process. Convert the file with FFmpeg, or leave it out."
            )
        remember_refusal(folder, source, reason, sha256_of(source.path), self.settings)
        return ClipResult(source.name, None, reason, False, {})


def _report(results: list[ClipResult], store: Store, workers: int, seconds: float) -> PrepareReport:
    stages: dict[str, float] = defaultdict(float)
    for result in results:
        for stage, spent in result.stages_s.items():
            stages[stage] += spent
    made_s = sum(result.info.seconds for result in results if result.info is not None and not result.reused)
    work_s = sum(stages.values())
    rejected = tuple(Rejected(result.name, result.reason) for result in results if result.info is None)
    return PrepareReport(
        clips_ok=len(store.clips),
        clips_rejected=len(rejected),
        clips_reused=sum(result.reused for result in results),
        minutes=sum(clip.seconds for clip in store.clips) / 60,
        speakers=len({clip.speaker for clip in store.clips}),
        languages=len({clip.language for clip in store.clips if clip.language}),
        realtime_factor=made_s / seconds,
        realtime_factor_per_worker=made_s / work_s if work_s else 0.0,
        workers=workers,
        seconds=seconds,
        stages_seconds={stage: round(spent, 3) for stage, spent in sorted(stages.items())},
        reasons=dict(Counter(each.reason.split(":", 1)[0] for each in rejected).most_common()),
        rejected=rejected,
        content_hash=store.content_hash,
    )
