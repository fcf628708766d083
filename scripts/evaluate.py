"""Measure a model on one part of a store, beside its controls.

python -m scripts.evaluate checkpoint=<best.ckpt> data=<prepared store> split=test

Writes `metrics.json` and `report.html` into `out`: every figure with its definition, its interval over speakers and how
many clips it is of; for the model, the truth against itself, the noise of the labels, the `energy` reference, the mean
pose, shuffled audio and the truth too early and too late; slices of the model; and the worst clips first.
"""

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import track
from rich.table import Table

from scripts.best_checkpoint import resolve
from scripts.entry import run
from scripts.evaluating import check_spec, closures_by_phoneme, open_part, run_data
from scripts.evaluation_columns import landmark_columns
from scripts.evaluation_rows import Absences, all_rows, facts_of
from scripts.evaluation_sync import sync_columns
from src.data.shards import open_store
from src.data.visemes import split_phonemes
from src.eval.cases import Case
from src.eval.clip_curves import ClipCurves
from src.eval.clip_figures import FIGURES, Heard, hear
from src.eval.evaluation_page import evaluation_page
from src.eval.phoneme_classes import PHONEME_CLASSES, class_masks
from src.eval.provenance import provenance
from src.eval.report import write_page
from src.eval.rows import Bootstrap, MeasuredRow, differences, measure
from src.eval.slices import SHORT_S, SLICE_FIGURES, Slice, by_channel, by_clip, by_frame, sound_masks
from src.eval.timing_metrics import DIVERSITY
from src.files import sha256_of, write_json
from src.models.checkpoint import read_description
from src.models.motion_model import ONNX_SUFFIX, load_model
from src.motion import core7_of

logger = logging.getLogger(__name__)

METRICS, REPORT = "metrics.json", "report.html"

PRINTED = ("pearson_r", "ccc", "std_ratio", "lip_mae", "lag", "peak_f1")
"""Columns of the table on stderr."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured.

    Attributes:
        record: what `metrics.json` holds.
        curves: of the clips that are shown.
        cases: the model's, of every clip.
    """

    record: dict[str, Any]
    curves: Sequence[ClipCurves]
    cases: Sequence[Case]

    def write(self, out: Path) -> None:
        """Write `metrics.json` and `report.html` into a folder."""
        write_json(out / METRICS, self.record)
        write_page(out / REPORT, evaluation_page(self.record, self.curves))


def main(config: DictConfig) -> None:
    """Measure, write and print."""
    torch.set_num_threads(config.cpu_threads)
    evaluation = evaluated(config, " ".join(["python -m scripts.evaluate", *_given(sys.argv[1:])]))
    record, out = evaluation.record, Path(config.out)
    evaluation.write(out)
    Console(stderr=True).print(printed(record))
    logger.info("%s: %d rows, %.0f s", out / REPORT, len(record["rows"]), record["seconds"])


def evaluated(config: DictConfig, command: str) -> Evaluation:
    """Measure a model and its controls.

    Args:
        config: of the script; its `out` and `cpu_threads` are the caller's business.
        command: which gives the same figures, for the record.

    Raises:
        Audio2MotionError: of model or data, as the parts of an evaluation say.
    """
    started = time.monotonic()
    path = resolve(config.checkpoint)
    model, taken = load_model(path), run_data(path)
    folder = Path(config.data.store)
    check_spec(model.contract, open_store(folder), path)
    cache = None if config.data.cache is None else Path(config.data.cache)
    material = open_part(folder, cache, config.split, model.contract.spec, taken)
    absent = Absences()
    absent.add(DIVERSITY.id, DIVERSITY.label, "the model gives one motion for a sound; two are needed")
    rows = all_rows(config, material, model, taken, path, absent)
    cases = rows[0].draws[0]

    bootstrap = Bootstrap(config.eval.bootstrap_draws, config.seed)
    phonemes = material.phonemes()
    heard = [hear(case, known) for case, known in zip(cases, closures_by_phoneme(phonemes), strict=True)]
    console = Console(stderr=True)
    columns = landmark_columns(material, model.contract.spec, absent)
    further = () if columns is None else (columns.measure,)
    measured = {
        row.id: measure(row, heard, bootstrap, further) for row in track(rows, "rows", console=console, transient=True)
    }
    sync = sync_columns(config, material, taken, rows, bootstrap, absent)
    if sync is not None:
        measured = {name: replace(row, figures={**row.figures, **sync.rows[name]}) for name, row in measured.items()}
    figures = {
        **FIGURES, **(columns.figures if columns else {}), **(sync.metrics if sync else {}), **SLICE_FIGURES,
    }  # fmt: skip
    own = measured["model"]
    speakers = [case.speaker for case in cases]

    origin = None if path.suffix.lower() == ONNX_SUFFIX else read_description(path).origin
    record = {
        "command": command,
        "checkpoint": facts_of(path, sha256_of(path), model.contract, origin),
        "data": material.facts | {"closures": _closure_source(phonemes)},
        "seed": config.seed,
        "rows": {name: row.to_dict() for name, row in measured.items()},
        "differences": {
            name: {metric: found.to_dict() for metric, found in differences(own, other, speakers, bootstrap).items()}
            for name, other in measured.items()
            if other is not own
        },
        "metrics": {name: figure.to_dict() for name, figure in figures.items()},
        "slices": {name: part.to_dict() for name, part in _slices(own, cases, heard, phonemes, bootstrap).items()},
        "clips": _clips(own, cases, measured.get("noise_floor")),
        "sync_expert": sync.record if sync else None,
        "absent": absent.items,
        "notes": [columns.note] if columns else [],
        "bootstrap": {"draws": bootstrap.draws, "over": "speakers", "confidence": 0.95},
        "machine": provenance().to_dict(),
        "config": OmegaConf.to_container(config, resolve=True),
        "seconds": round(time.monotonic() - started, 1),
    }
    return Evaluation(record, shown_curves(record["clips"], cases, config.eval.shown), cases)


def shown_curves(
    clips: Sequence[Mapping[str, Any]], cases: Sequence[Case], shown: Mapping[str, int]
) -> list[ClipCurves]:
    """Curves of the worst, the middle and the best clips that have a lip r; each clip once.

    Args:
        clips: of the record, the worst first.
        cases: the model's.
        shown: how many of `worst`, `median` and `best`.
    """
    by_id = {case.clip_id: case for case in cases}
    known = [clip["clip_id"] for clip in clips if clip["figures"]["pearson_r"] is not None]
    middle = max((len(known) - shown["median"]) // 2, 0)
    places = {
        "worst": known[: shown["worst"]],
        "median": known[middle : middle + shown["median"]],
        "best": known[max(len(known) - shown["best"], 0) :],
    }
    chosen = {clip_id: place for place in ("best", "median", "worst") for clip_id in places[place]}
    order = list(places)
    picked = sorted(chosen, key=lambda clip_id: (order.index(chosen[clip_id]), known.index(clip_id)))
    return [ClipCurves.of(_core7(by_id[clip_id]), chosen[clip_id]) for clip_id in picked]


def _core7(case: Case) -> Case:
    return replace(case, predicted=core7_of(case.predicted), reference=core7_of(case.reference))


def _slices(
    row: MeasuredRow, cases: Sequence[Case], heard: Sequence[Heard], phonemes: Sequence[Any], bootstrap: Bootstrap
) -> dict[str, Slice]:
    """The model's figures by what they may depend on."""
    slices = {"channel": by_channel(cases, bootstrap)}
    groups = {
        "speaker": ("By speaker", "Clips of each speaker.", lambda case: case.speaker),
        "language": ("By language", "Clips of each language, where it is known.", lambda case: case.language),
        "length": (
            "By length",
            f"Clips below {SHORT_S:g} s are words and phrases, longer ones are sentences.",
            lambda case: "short" if case.seconds < SHORT_S else "long",
        ),
    }
    for name, (label, definition, group_of) in groups.items():
        slices[name] = by_clip(cases, row.clips, bootstrap, label=label, definition=definition, group_of=group_of)
    slices["sound"] = by_frame(
        cases,
        [sound_masks(case, sound.silent) for case, sound in zip(cases, heard, strict=True)],
        bootstrap,
        label="Speech and silence",
        definition="Mouth opening over the frames of speech, and over those of silence as in silence_std.",
        labels={"speech": "speech", "silence": "silence"},
    )
    if any(phonemes):
        masks = [
            {} if known is None else class_masks(split_phonemes(known), len(case.reference), case.reference.fps)
            for case, known in zip(cases, phonemes, strict=True)
        ]
        slices["phonemes"] = by_frame(
            cases,
            masks,
            bootstrap,
            label="By class of speech sounds",
            definition="Mouth opening over the frames of each class, in clips whose phonemes are known.",
            labels={kind.id: kind.label for kind in PHONEME_CLASSES},
        )
    return slices


def _clips(row: MeasuredRow, cases: Sequence[Case], floor: MeasuredRow | None) -> list[dict[str, Any]]:
    """Every clip with its figures, the worst lip r first; those without one at the end."""

    def value(clip: Mapping[str, Any], name: str) -> float | None:
        found: float | None = clip[name].measurement.value
        return found

    clips = [
        {
            "clip_id": case.clip_id,
            "speaker": case.speaker,
            "language": case.language,
            "seconds": round(case.seconds, 2),
            "frames": case.frames,
            "total_frames": len(case.reference),
            "ceiling_r": None if floor is None else value(floor.clips[place], "pearson_r"),
            "figures": {name: value(row.clips[place], name) for name in row.clips[place]},
        }
        for place, case in enumerate(cases)
    ]

    def order(clip: Mapping[str, Any]) -> tuple[bool, float, str]:
        r = clip["figures"]["pearson_r"]
        return r is None, 0.0 if r is None else r, clip["clip_id"]

    return sorted(clips, key=order)


def _closure_source(phonemes: Sequence[Any]) -> str:
    known = sum(each is not None for each in phonemes)
    if not known:
        return "dips of the sound in which the true lips meet"
    if known == len(phonemes):
        return "/p b m/ of known phonemes"
    return f"/p b m/ of known phonemes in {known} clips; elsewhere dips of the sound in which the true lips meet"


def _given(arguments: Sequence[str]) -> list[str]:
    """The command line less what `scripts.entry` added for Hydra."""
    return [argument for argument in arguments if not argument.startswith("hydra")]


def printed(record: Mapping[str, Any]) -> Table:
    """The main figures, for people at a terminal."""
    data = record["data"]
    title = f"{data['split']} part, {data['clips']} clips of {data['speakers']} speakers"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in PRINTED:
        table.add_column(FIGURES[name].metric.label, justify="right")
    for row in record["rows"].values():
        cells = []
        for name in PRINTED:
            value, low, high = (row["figures"][name][key] for key in ("value", "low", "high"))
            interval = "" if low is None else f"\n{low:.3g} … {high:.3g}"
            cells.append("—" if value is None else f"{value:.3g}{interval}")
        table.add_row(row["label"], *cells)
    return table


if __name__ == "__main__":
    run(main, "evaluate", short={"data": "data.store"})
