"""Real trainings, killed five times: the ledger is that of a sweep that was left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from scripts.ledger import Ledger
from tests.tiny_store import write_tiny_store

ROOT = Path(__file__).resolve().parents[2]

# Optuna learns from a round that has ended; one look-ahead fails, and the best trial is repeated.
SPACE = [
    "sweep=tpe", "sweep.controls=[]", "sweep.repeat.best=1", "sweep.repeat.seeds=[1]",
    "sweep.axes.models=[tcn]", "sweep.axes.features=[mel]", "sweep.axes.lookahead.values=[2,-1]",
    "+sweep.axes.hidden={key: models.net.hidden_size, values: [8]}",
    "sweep.search.trials=3", "sweep.search.round=2", "sweep.search.sampler.n_startup_trials=1",
    "sweep.search.pruner.n_startup_trials=1", "sweep.search.pruner.n_warmup_steps=0",
]  # fmt: skip
SMALL = [
    "trainer.accelerator=cpu", "trainer.max_epochs=4", "data.window_frames=40", "data.batch_size=4",
    "data.windows_per_epoch=24", "callbacks.resume_point.every_n_steps=2", "models.net.dropout=0.1",
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_tiny_store(folder, {"ann": [70, 45], "bob": [60], "cid": [80]})
    return folder


def start(store: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "scripts.sweep", f"data={store}", f"out={out}", "launcher.n_jobs=2", *SPACE,
        f"trials.overrides={json.dumps(SMALL)}",
    ]  # fmt: skip
    with open(out.with_suffix(".log"), "ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)


def number_of(pattern: str) -> Callable[[Path], int]:
    return lambda out: len(list(out.glob(pattern)))


MOMENTS = [
    number_of("trials/*/trial.json"),
    number_of("trials/*/train.log"),
    number_of("trials/*/run/last.ckpt"),
    number_of("trials/*/result.json"),
    number_of("trials/*/run/metrics.json"),
]
"""A sweep is killed when there is one more of these than when it was started; where it is over before, it is over."""


def kill_at(process: subprocess.Popen[bytes], out: Path, count: Callable[[Path], int], group: bool) -> None:
    before, deadline = count(out), time.monotonic() + 900
    while process.poll() is None and count(out) <= before and time.monotonic() < deadline:
        time.sleep(0.005)
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()  # its workers notice; the next sweep may meet them
    process.wait(timeout=60)


def contents(out: Path) -> list[dict[str, Any]]:
    """All but times, and the hashes of checkpoints, which hold the path of their folder."""
    trials = [asdict(trial) for trial in Ledger.open(out).trials]
    for trial in trials:
        del trial["folder"]
        for name in ("seconds", "cpu_ms_per_frame", "checkpoint_sha256"):
            del trial["result"][name]
    return trials


@pytest.mark.slow
def test_a_sweep_killed_five_times_ends_with_the_ledger_of_one_left_alone(store: Path, tmp_path: Path) -> None:
    assert start(store, tmp_path / "whole").wait(timeout=1800) == 0, (tmp_path / "whole.log").read_text()
    whole = contents(tmp_path / "whole")
    for index, moment in enumerate(MOMENTS):
        process = start(store, tmp_path / "killed")
        kill_at(process, tmp_path / "killed", moment, group=index % 2 == 0)
    assert start(store, tmp_path / "killed").wait(timeout=1800) == 0, (tmp_path / "killed.log").read_text()
    assert contents(tmp_path / "killed") == whole
    assert [trial["kind"] for trial in whole] == ["search"] * 3 + ["repeat"]
    states = [trial["result"]["state"] for trial in whole]
    assert set(states) <= {"done", "pruned", "failed"}
    assert states[-1] == "done"
    (failed,) = [trial["result"]["error"] for trial in whole if trial["result"]["state"] == "failed"]
    assert failed.startswith("error: ")
    assert failed.endswith("(exit code 2)")
