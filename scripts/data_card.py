"""Write the data card of a store again: label quality into `report.json`, everything into `report.html`.

python -m scripts.data_card store=<folder>

`scripts.prepare_data` does the same at its end.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress

from scripts.entry import run
from src.data.clip_ranking import RankedClip, rank_clips
from src.data.label_figures import LabelQa
from src.data.label_qa import measure_labels, true_motion_beside
from src.data.records import read_record, record_path
from src.data.store import Store
from src.data.store_summary import summarise_store
from src.data.strip import clip_strip, encoded
from src.eval.data_card import data_card_page
from src.eval.report import write_page
from src.files import replacing, write_json

REPORT, PAGE, CLIP_QA = "report.json", "report.html", "clip_qa.parquet"
WORST, MEDIAN = 4, 2

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Measure and write, with a progress bar."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("label quality", total=None)
        page = write_data_card(
            Path(config.store),
            root=Path(config.root) if config.root else None,
            on_clip=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    logger.info("%s", page)


def write_data_card(
    folder: Path, *, root: Path | None = None, on_clip: Callable[[int, int], None] = lambda done, total: None
) -> Path:
    """Judge the labels of a store and write its data card.

    `report.json` gains `store`, `minutes_refused`, `label_qa`, `blinks`, `label_qa_clips` and `clips_to_look_at`;
    `clip_qa.parquet` has the figures of every measured clip.

    Args:
        folder: the store. Its `report.json` need not exist.
        root: where the source videos are; None is where they were when the store was prepared.
        on_clip: told after every measured clip how many of how many are done.

    Returns:
        The path of the page, `report.html`.

    Raises:
        DataError: it is no store, or a clip's file is damaged.
    """
    store = Store.open(folder)
    path = folder / REPORT
    report: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    quality = measure_labels(store, true_motion_beside(store, root), on_clip=on_clip)
    chosen = rank_clips(quality.clips, WORST, MEDIAN)
    if "rejected" in report:
        report["minutes_refused"] = refused_minutes(folder, [each["path"] for each in report["rejected"]])
    report |= {
        "store": summarise_store(store),
        **quality.as_dict,
        "clips_to_look_at": [asdict(clip) for clip in chosen],
    }
    write_json(path, report)
    _write_clips(folder / CLIP_QA, quality)
    write_page(folder / PAGE, data_card_page(report, strips_of(store, chosen, root)))
    return folder / PAGE


def refused_minutes(folder: Path, names: Sequence[str]) -> float:
    """Length of refused sources, as far as it could be read."""
    records = [read_record(record_path(folder, name)) for name in names]
    return round(sum(record.seconds for record in records if record is not None) / 60, 3)


def strips_of(store: Store, chosen: Sequence[RankedClip], root: Path | None) -> list[tuple[str, str, bytes]]:
    """Title, reason and JPEG of the strip of each clip."""
    return [
        (f"{clip.clip_id} ({clip.kind})", clip.reason, encoded(clip_strip(store, clip.clip_id, root=root), ".jpg"))
        for clip in chosen
    ]


def _write_clips(path: Path, quality: LabelQa) -> None:
    with replacing(path) as unfinished:
        pq.write_table(pa.Table.from_pylist([asdict(clip) for clip in quality.clips]), unfinished)


if __name__ == "__main__":
    run(main, "data_card")
