"""A sweep folder as `scripts.sweep` leaves it, without the trainings."""

import json
import shutil
from pathlib import Path
from typing import Any

from scripts.ledger import SWEEP, Ledger, Result, Trial
from src.files import sha256_of, write_json

SPEAKERS = ("ann", "bob", "cyn")


def begin(folder: Path) -> Ledger:
    """An empty sweep."""
    data = {"store": "data/store", "content_hash": "ab" * 32, "split_hash": "cd" * 32}
    objective = {"metric": "val/lip_r", "mode": "max"}
    write_json(
        folder / SWEEP, {"name": "tiny", "objective": objective, "definition": {}, "data": data, "commit": "f00"}
    )
    return Ledger.open(folder)


def add(ledger: Ledger, number: int, value: float | None, checkpoint: Path | None, **more: Any) -> Trial:
    """A trial with its run; without a value it failed, without a value and an error it never ended.

    Args:
        ledger: the sweep.
        number: of the trial.
        value: of the objective, and lip r of every clip.
        checkpoint: to copy into the run.
        more: fields of the trial and of its result that differ from the usual.
    """
    given = {
        "id": f"trial{number:03d}",
        "kind": "search",
        "group": f"group{number:03d}",
        "seed": 0,
        "axes": {"models": "tcn", "lookahead": number},
        "choice": (),
        "overrides": (),
        "config": {},
    }
    folder = ledger.place(more.get("id", given["id"]))
    trial = Trial(folder=folder, number=number, result=None, **{name: more.get(name, given[name]) for name in given})
    ledger.write(trial, None)
    error = more.get("error")
    if value is None and error is None:
        return trial
    if checkpoint is not None:
        trial.run.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkpoint, trial.run / "best.ckpt")
    if value is not None:
        clips = {name: {"speaker": name, "frames": 100, "lip_r": value, "lip_std_ratio": 0.5} for name in SPEAKERS}
        metrics = {"val/lip_r": value, "val/lip_std_ratio": 0.5, "val/lip_r_of_speakers": value,
                   "test/lip_r": 0.987, "clips": {"val": clips}, "commit": "f00d"}  # fmt: skip
        trial.run.mkdir(parents=True, exist_ok=True)
        (trial.run / "metrics.json").write_text(json.dumps(metrics))
    Result(
        state="done" if value is not None else "failed",
        error=error,
        seconds=12.5,
        value=value,
        epochs=2,
        curve=(None, value),
        num_parameters=100,
        latency_ms=22.5 + 40.0 * number,
        cpu_ms_per_frame={"p50": 0.5, "p95": 0.7},
        checkpoint_sha256=None if checkpoint is None else sha256_of(trial.run / "best.ckpt"),
    ).write(folder)
    return trial
