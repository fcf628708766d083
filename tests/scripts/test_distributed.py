"""Two processes train one network together, and judge it as one process would."""

import csv
import json
from pathlib import Path

import pytest

from tests.script_process import run_script
from tests.tiny_store import write_tiny_store

SMALL = [
    "models.net.hidden_size=8",
    "models.net.dilations=[1,2]",
    "data.window_frames=24",
    "data.windows_per_epoch=64",
    "data.val_speakers=[ann,bob,eve]",
    "data.eval_batch_frames=80",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=3",
    "callbacks=quiet",
    "callbacks.weight_average.decay=0.5",
]


def train(store: Path, out: Path, *overrides: str) -> dict:
    done = run_script("train", f"data.store={store}", f"out={out}", *SMALL, *overrides, timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("best epoch") == 1, done.stderr
    assert "sync_dist" not in done.stderr, done.stderr
    return json.loads((out / "metrics.json").read_text())


@pytest.mark.slow
def test_two_processes_train_validate_and_finish_like_one(tmp_path: Path) -> None:
    store, together, alone = tmp_path / "store", tmp_path / "together", tmp_path / "alone"
    write_tiny_store(store, {"ann": [70, 45], "bob": [60], "cid": [80], "dan": [50, 90], "eve": [20, 66]})
    witness = [
        "+callbacks.witness._target_=tests.scripts.witness.Witness",
        f"+callbacks.witness.folder={tmp_path}/seen",
    ]
    two = train(store, together, "trainer=ddp", "data.batch_size=4", *witness)
    one = train(store, alone, "data.batch_size=8")

    first, second = (json.loads((tmp_path / "seen" / f"{rank}.json").read_text()) for rank in range(2))
    clips = [(mine.pop("clips"), other.pop("clips")) for mine, other in zip(first, second, strict=True)]
    assert first == second
    assert clips == [(3, 2)] * 3  # each clip once, though batches don't divide evenly

    assert {path.name for path in together.iterdir()} == {path.name for path in alone.iterdir()}
    logged = first[two["best_epoch"]]
    assert logged == pytest.approx({name: two[name] for name in logged}, rel=1e-5, abs=1e-6)  # judged by one process
    assert len(two["clips"]["val"]) == 5
    with open(together / "metrics.csv") as file:
        assert len([row for row in csv.DictReader(file) if row["val/loss"]]) == 3
    assert two["val/loss"] == pytest.approx(one["val/loss"], rel=0.1)
    assert two["val/lip_r"] == pytest.approx(one["val/lip_r"], abs=0.1)
