"""A sweep ends the same whatever happens to it on its way. Real trainings are in test_sweep_killed.py."""

import json
from pathlib import Path

import pytest
from omegaconf import DictConfig

from scripts.ledger import Ledger, Trial
from src.errors import ConfigError, DataError
from tests.scripts.sweeps import DATA, Killed, Pretending, contents, drive, planned, settings

GRID = ("tiny", "sweep.axes.lookahead.values=[0,1,2]", "sweep.repeat.best=2", "sweep.repeat.seeds=[1,2]")
OPTUNA = (
    "tpe", "sweep.search.trials=9", "sweep.search.round=3", "sweep.search.sampler.n_startup_trials=3",
    "sweep.repeat.best=1", "sweep.axes.features=[mel]",
)  # fmt: skip


def killed_often(config: DictConfig, lives: int) -> Ledger:
    for _ in range(100):
        try:
            return drive(config, Pretending(lives))
        except Killed:
            continue
    raise AssertionError("it never ended")


@pytest.mark.parametrize("name", [GRID, OPTUNA], ids=["grid", "optuna"])
def test_a_sweep_killed_after_any_trial_ends_with_the_same_ledger(name: tuple[str, ...], tmp_path: Path) -> None:
    whole = contents(drive(settings(tmp_path / "whole", *name), Pretending(-1)))
    assert {trial["result"].state for trial in whole} >= {"done", "failed"}
    assert {trial["kind"] for trial in whole} == {"search", "repeat", "control"}
    for lives in (1, 2):
        assert contents(killed_often(settings(tmp_path / str(lives), *name), lives)) == whole


def test_the_same_command_again_runs_nothing(tmp_path: Path) -> None:
    drive(settings(tmp_path, *GRID), Pretending(-1))
    again = Pretending(0)
    drive(settings(tmp_path, *GRID), again)
    assert again.ended == []


@pytest.mark.parametrize("name", [GRID, OPTUNA], ids=["grid", "optuna"])
def test_a_plan_reads_the_ledger_once_however_many_points_it_adds(
    name: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, trials, reads = planned(settings(tmp_path, *name)), Ledger.trials, []

    def counted(ledger: Ledger) -> list[Trial]:
        reads.append(ledger)
        return trials.fget(ledger)

    monkeypatch.setattr(Ledger, "trials", property(counted))
    written = plan.extend()
    assert len(reads) == 1
    assert len(written) > 3
    assert written == Ledger.open(tmp_path).trials
    assert plan.extend() == written


def test_the_best_configurations_are_repeated_with_the_seeds_that_they_lack(tmp_path: Path) -> None:
    trials = drive(settings(tmp_path, *GRID), Pretending(-1)).trials
    repeats = [(trial.axes["lookahead"], trial.seed) for trial in trials if trial.kind == "repeat"]
    assert repeats == [(2, 1), (2, 2), (1, 1), (1, 2)]
    best = [trial for trial in trials if trial.axes.get("lookahead") == 2 and trial.axes["models"] == "tcn"]
    assert len({trial.group for trial in best}) == 1
    assert len({trial.id for trial in best}) == 3


def test_a_grid_may_grow_and_keeps_what_it_has(tmp_path: Path) -> None:
    first = contents(drive(settings(tmp_path, "tiny", "sweep.repeat.best=0"), Pretending(-1)))
    grown = Pretending(-1)
    more = ("sweep.axes.lookahead.values=[0,1,2]", "sweep.repeat.best=0", "sweep.axes.models=[tcn,lstm,transformer]")
    second = contents(drive(settings(tmp_path, "tiny", *more), grown))
    assert second[: len(first)] == first
    assert len(grown.ended) == len(second) - len(first) == 5


def test_optuna_goes_on_to_more_trials(tmp_path: Path) -> None:
    none = ("sweep.repeat.best=0", "sweep.controls=[]")
    first = contents(drive(settings(tmp_path / "a", *OPTUNA, *none, "sweep.search.trials=5"), Pretending(-1)))
    second = contents(drive(settings(tmp_path / "a", *OPTUNA, *none), Pretending(-1)))
    assert [len(first), len(second)] == [5, 9]
    assert second == contents(drive(settings(tmp_path / "b", *OPTUNA, *none), Pretending(-1)))


def test_a_space_with_fewer_points_than_trials_is_tried_once(tmp_path: Path) -> None:
    config = settings(tmp_path, "tpe", *OPTUNA[1:-1], "sweep.repeat.best=0")
    config.sweep.axes = {"lookahead": {"key": "models.net.lookahead_frames", "values": [0, 2, 4]}}
    trials = [trial for trial in drive(config, Pretending(-1)).trials if trial.kind == "search"]
    assert sorted(trial.axes["lookahead"] for trial in trials) == [0, 2, 4]


def test_trials_know_the_curves_of_earlier_rounds_alone(tmp_path: Path) -> None:
    trials = drive(settings(tmp_path, *OPTUNA), Pretending(-1)).trials
    searched = [trial for trial in trials if trial.kind == "search"]
    for index, trial in enumerate(searched):
        history = json.loads((trial.folder / "pruning.json").read_text())["trials"]
        earlier = index // 3 * 3
        assert [entry["curve"] for entry in history[:earlier]] == [
            list(other.result.curve) for other in searched[:earlier]
        ]
        assert [entry["state"] for entry in history[earlier:]] == ["failed"] * (index - earlier)
    assert not any((trial.folder / "pruning.json").exists() for trial in trials if trial.kind != "search")


def test_failed_trials_stay_failed_until_they_are_asked_for(tmp_path: Path) -> None:
    ledger = drive(settings(tmp_path, *GRID), Pretending(-1))
    failed = [trial.id for trial in ledger.trials if trial.result.state == "failed"]
    assert len(failed) == 3
    again = Pretending(-1)
    drive(settings(tmp_path, *GRID, "retry_failed=true"), again)
    assert sorted(again.ended) == sorted(failed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('sweep.fixed=["callbacks=quiet"]', r"sweep that was defined otherwise \(fixed: "),
        ("sweep.axes.lookahead.values=[0]", r"axes.lookahead.values: \[0, 2\], now \[0\]"),
        ("sweep.repeat.best=0", "repeat.best: 1, now 0"),
        ("sweep.seed=1", "seed: 0, now 1"),
        ("sweep.name=other", "holds the sweep 'tiny'"),
        ('trials.overrides=["trainer.max_epochs=9"]', r"trainer.max_epochs: 2, now 9\)"),
    ],
)
def test_another_sweep_in_the_same_folder_is_refused(change: str, said: str, tmp_path: Path) -> None:
    before = contents(drive(settings(tmp_path, "tiny"), Pretending(-1)))
    with pytest.raises(ConfigError, match=said):
        drive(settings(tmp_path, "tiny", change), Pretending(-1))
    assert contents(Ledger.open(tmp_path)) == before


@pytest.mark.parametrize("name", ["content_hash", "split_hash"])
def test_other_data_are_refused_and_moved_ones_are_not(name: str, tmp_path: Path) -> None:
    drive(settings(tmp_path, "tiny"), Pretending(-1))
    drive(settings(tmp_path, "tiny"), Pretending(0), {**DATA, "store": "/elsewhere"})
    assert Ledger.open(tmp_path).header["data"]["store"] == "/elsewhere"
    with pytest.raises(
        DataError, match=rf"over other data \({name} {DATA[name][:12]}, that of /nowhere is eeeeeeeeeeee"
    ):
        drive(settings(tmp_path, "tiny"), Pretending(-1), {**DATA, name: "e" * 64})


def test_what_has_no_effect_on_results_may_change_between_starts(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        drive(settings(tmp_path, "tiny"), Pretending(2))
    ids = {trial.id for trial in Ledger.open(tmp_path).trials}
    ledger = drive(settings(tmp_path, "tiny", 'trials.overrides=["cpu_threads=2"]'), Pretending(-1))
    assert {trial.id for trial in ledger.trials if trial.kind != "repeat"} == ids
    assert ["cpu_threads=2" in trial.overrides for trial in ledger.trials].count(False) == 2


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="not empty, and no sweep"):
        drive(settings(tmp_path, "tiny"), Pretending(-1))
    with pytest.raises(ConfigError, match=r"no sweep.json, so no sweep"):
        Ledger.open(tmp_path)
