"""How a trial of a sweep is brought to its end; trainings that end well are in test_sweep_killed.py."""

import json
import multiprocessing
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.ledger import Ledger, Result, Trial
from scripts.trial import command_line, is_locked, locked, run_trial
from tests.scripts.sweeps import Killed, Pretending, drive, settings


@pytest.fixture
def planned(tmp_path: Path) -> Trial:
    """A trial of a sweep over a store that does not exist."""
    with pytest.raises(Killed):
        drive(settings(tmp_path / "sweep", "tiny"), Pretending(0))
    return Ledger.open(tmp_path / "sweep").trials[1]


def hold(folder: Path, seconds: float) -> None:
    with locked(folder):
        (folder / "held").touch()
        time.sleep(seconds)
        Result(state="failed", error="by the other one").write(folder)


@pytest.mark.slow
def test_a_training_that_fails_is_recorded_with_its_last_words(planned: Trial) -> None:
    run_trial(planned.folder, None)
    result = Trial.read(planned.folder).result
    assert result is not None
    assert result.state == "failed"
    assert result.error.startswith("error: /nowhere")
    assert result.error.endswith("(exit code 2)")


def test_a_trial_that_another_process_works_on_is_waited_for(planned: Trial) -> None:
    assert not is_locked(planned.folder)
    other = multiprocessing.get_context("spawn").Process(target=hold, args=(planned.folder, 0.5))
    other.start()
    while not (planned.folder / "held").exists():
        assert other.is_alive()
    assert is_locked(planned.folder)
    run_trial(planned.folder, None)
    other.join()
    assert Trial.read(planned.folder).result.error == "by the other one"
    assert not is_locked(planned.folder)


def test_a_trial_that_has_ended_is_not_run_again(planned: Trial) -> None:
    Result(state="done", value=0.5).write(planned.folder)
    run_trial(planned.folder, None)
    assert Trial.read(planned.folder).result == Result(state="done", value=0.5)
    assert not (planned.folder / "train.log").exists()


def test_with_a_checkpoint_a_run_goes_on(planned: Trial) -> None:
    header = json.loads((planned.folder.parents[1] / "sweep.json").read_text())
    assert "resume=true" not in command_line(planned, header)
    planned.run.mkdir()
    (planned.run / "last.ckpt").touch()
    assert command_line(planned, header)[-1] == "resume=true"


def test_runs_of_a_sweep_are_one_group_for_its_tracker(planned: Trial) -> None:
    header = json.loads((planned.folder.parents[1] / "sweep.json").read_text())
    header["launch"]["logger"] = "wandb"
    line = command_line(replace(planned, kind="repeat"), header)
    assert {"logger=wandb", "+logger.wandb.group='tiny'", "+logger.wandb.tags=[sweep,repeat]"} <= set(line)
