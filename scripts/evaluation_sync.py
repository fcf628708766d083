"""What a sync expert says of every row of an evaluation: does this mouth belong to this sound, and when would it.

Part of `scripts.evaluate`. The expert is one of the store, trained on its training part when it is first wanted, or a
file of `scripts.train_sync_expert`. How good it is on its own validation part stands beside its figures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track

from scripts.evaluating import Material, RunData
from scripts.evaluation_rows import Absences
from scripts.train_sync_expert import expert_of_store, features_of
from src.data.split import TRAIN
from src.eval.clip_figures import Figure
from src.eval.controls import Row
from src.eval.estimates import Estimate
from src.eval.rows import Bootstrap
from src.eval.sync_expert.expert import SyncExpert
from src.eval.sync_expert.figures import (
    SYNC_ACCURACY,
    SYNC_CONFIDENCE,
    SYNC_DISTANCE,
    SYNC_OFFSET,
    sync_estimates,
)
from src.eval.sync_expert.shift_curve import SHIFTS, pooled
from src.files import sha256_of
from src.motion import FRAMES_PER_SECOND

OF_STORE = "store"
"""Stands for the expert of the store."""

_METRICS = (SYNC_OFFSET, SYNC_CONFIDENCE, SYNC_DISTANCE, SYNC_ACCURACY)


@dataclass(frozen=True)
class SyncColumns:
    """The figures of an expert.

    Attributes:
        metrics: what they are, by id.
        rows: figures by id, by the id of a row.
        record: the expert and its shift curves, for the record.
    """

    metrics: Mapping[str, Figure]
    rows: Mapping[str, Mapping[str, Estimate]]
    record: dict[str, Any]


def sync_columns(
    config: DictConfig, material: Material, run: RunData, rows: Sequence[Row], bootstrap: Bootstrap, absent: Absences
) -> SyncColumns | None:
    """Judge every row; None, said in `absent`, where there is no expert.

    Args:
        config: of the script.
        material: the clips.
        run: how they are taken.
        rows: all of them.
        bootstrap: for the intervals.
        absent: told of the figures that there are not.

    Raises:
        CheckpointError: the file of an expert can't be read.
        DataError: the store holds too little to train one.
    """
    wanted = config.eval.sync_expert
    reason = ""
    if wanted is None:
        reason = "no sync expert was asked for (eval.sync_expert=null)"
    elif wanted == OF_STORE and TRAIN not in material.store.clips.column("split"):
        reason = "the store has no training part to train a sync expert on; give a file as eval.sync_expert"
    if reason:
        for metric in _METRICS:
            absent.add(metric.id, metric.label, reason)
        return None
    if wanted == OF_STORE:
        expert = expert_of_store(
            {
                "store": config.data.store,
                "cache": config.data.cache,
                "alignment": run.alignment,
                "val_speakers": list(run.val_speakers),
            }
        )
    else:
        expert = SyncExpert.load(wanted)
    features = features_of(expert)
    heard = [features.extract_frames(case.waveform) for case in material.truth]
    figures, shifts = {}, {}
    for row in track(rows, "sync expert", console=Console(stderr=True), transient=True):
        curves = [
            expert.curve(sound[: len(case.predicted)], case.predicted, case.reference.valid)
            for cases in row.draws
            for case, sound in zip(cases, heard, strict=True)
        ]
        speakers = [case.speaker for cases in row.draws for case in cases]
        found = sync_estimates(curves, speakers, draws=bootstrap.draws, seed=bootstrap.seed)
        # Draws of one row are the same clips again.
        figures[row.id] = {id: replace(one, clips=one.clips // len(row.draws)) for id, one in found.items()}
        whole = pooled(curves)
        if whole.num_windows:
            shifts[row.id] = [None if math.isnan(mean) else round(1.0 - mean, 5) for mean in whole.means.tolist()]
    return SyncColumns(
        {metric.id: Figure(metric, "windows") for metric in _METRICS},
        figures,
        _record(expert, wanted, material, shifts),
    )


def _record(
    expert: SyncExpert, wanted: str, material: Material, shifts: Mapping[str, Sequence[float | None]]
) -> dict[str, Any]:
    contract, validation = expert.contract, expert.contract.validation
    known = sorted({case.speaker for case in material.truth} & set(contract.speakers))
    definition = (
        f"A network of {sum(one.numel() for one in expert.network.parameters())} numbers that learned from "
        f"{len(contract.speakers)} speakers of {'this store' if wanted == OF_STORE else 'another file'}, judged here "
        f"on the true motion of {validation.speakers} others. Scores are 1 less the mean distance. A model moves as "
        "the sound predicts, a person also for other reasons: models may score above the truth, which is no quality "
        "beyond it. Near the truth's row is good."
    )
    if known:
        definition += f" It learned from {len(known)} of the speakers that are evaluated, so that it flatters them."
    return {
        "definition": definition,
        "doubt": validation.doubt,
        "figures": [
            {
                "label": "Pairs of windows told apart",
                "value": validation.accuracy,
                "meaning": f"{SYNC_ACCURACY.definition} On {validation.windows} windows of true motion.",
            },
            {
                "label": "Offsets found within a frame",
                "value": validation.offset_hits / validation.offset_groups if validation.offset_groups else None,
                "meaning": f"Share of {validation.offset_groups} groups of 2 s of a speaker's true motion.",
            },
            {"label": "Offset of true motion, ms", "value": validation.offset_ms, "meaning": "It should be 0."},
        ],
        "shift_ms": [1000.0 * shift / FRAMES_PER_SECOND for shift in SHIFTS.tolist()],
        "curves": dict(shifts),
        "sha256": sha256_of(Path(wanted)) if wanted != OF_STORE else None,
        "content_hash": contract.content_hash,
        "split_hash": contract.split_hash,
        "seed": contract.seed,
        "commit": contract.commit,
    }
