"""Preparing small videos made in tests: lenient settings, since their sound is no speech and their faces are small."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.data.clips import ClipSettings
from src.data.layouts import Source, VideoFolder
from src.data.prepare import Preparation, PrepareReport
from src.data.split import assign_splits
from src.data.workers import WorkerPool
from tests.script_process import prepared

SETTINGS = ClipSettings(
    max_side_px=1280,
    probe_every_s=2.0,
    rival_ratio=0.6,
    min_seconds=0.5,
    max_seconds=None,
    min_face_px=80.0,
    max_yaw_deg=45.0,
    max_turned_s=0.4,
    silence_db=-60.0,
    min_speech_share=0.0,
    max_offset_ms=None,
    keep_landmarks=True,
)
EXTENSIONS = [".mp4", ".mkv", ".webm", ".avi", ".mov"]


def source(path: Path, name: str = "", **changes: object) -> Source:
    """A source of a known speaker."""
    known = {"speaker": "ann", "language": "en", "licence": "CC0-1.0", "consent": "written", "fix_offset": False}
    return Source(path=path, name=name or path.name, **{**known, **changes})  # type: ignore[arg-type]


def folder_of(root: Path, *, fix_offset: bool = False) -> VideoFolder:
    """All videos below a folder."""
    return VideoFolder(
        root=str(root), extensions=EXTENSIONS, language="", licence="", consent="", fix_offset=fix_offset,
        manifests=[], licence_columns=[],
    )  # fmt: skip


class QuickPool(WorkerPool):
    """Starts workers without waiting for PyTorch; the command's own start is in the tests of the script."""

    def __init__(self, *, make: Callable[[], Callable[[Any], Any]], num_workers: int, timeout_s: float) -> None:
        super().__init__(make=make, num_workers=num_workers, timeout_s=timeout_s)
        self._context = prepared()  # type: ignore[assignment]


def prepare(
    root: Path,
    folder: Path,
    *,
    settings: ClipSettings = SETTINGS,
    fix_offset: bool = False,
    on_clip: Callable[[int, int], None] = lambda done, total: None,
) -> PrepareReport:
    """Prepare a folder of videos with one process."""
    split = functools.partial(assign_splits, val_share=0.3, test_share=0.0, seed=0)
    preparation = Preparation(
        settings=settings,
        face_landmarker=None,
        engine="local",
        pool=QuickPool,
        workers=1,
        timeout_s=120.0,
        split=split,
    )
    return preparation.run(folder_of(root, fix_offset=fix_offset), folder, on_clip)
