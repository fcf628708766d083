"""Train every point of a space, and keep what came of each.

python -m scripts.sweep sweep=architectures data=data/prepared out=sweeps/architectures
python -m scripts.sweep sweep=tpe data=data/prepared out=sweeps/tpe launcher=submitit launcher.partition=gpu

What is tried is a file of `conf/sweep`, where it runs a file of `conf/launcher`. The folder is a ledger of trials, see
`scripts.ledger`: a sweep that was killed, at any moment, goes on with the same command and ends as if it had not been.
A trial that fails is recorded with its error and stops nothing. `python -m scripts.leaderboard <out>` reads the result.
"""

import logging
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from scripts.entry import run
from scripts.launchers import Ended, Launcher
from scripts.ledger import RESULT, Ledger, Result, Trial, ranked
from scripts.sweep_space import Point, Search, Space, override
from scripts.trial import is_locked, run_trial
from scripts.trial_identity import Identity, differences, identify
from src.data.shards import open_store
from src.errors import ConfigError
from src.eval.provenance import commit

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Run what is missing of a sweep, and say what is best."""
    space, search, launcher = read(config)
    ledger = Ledger.begin(Path(config.out), header_of(config), search.growing)
    plan = Plan(ledger, space, search, tuple(config.trials.overrides))
    plan.check()
    if config.retry_failed:
        forget_failed(ledger)
    carry_out(plan, launcher)
    conclude(ledger)


def carry_out(plan: "Plan", launcher: Launcher) -> None:
    """Run trials until none is left to plan."""
    said_running = False
    with bar() as progress:
        task = progress.add_task("", total=None)
        while True:
            unfinished = [trial for trial in plan.extend() if trial.result is None]
            if not unfinished:
                break
            if not said_running and (running := [trial.id for trial in unfinished if is_locked(trial.folder)]):
                logger.info("Already at work elsewhere, and waited for: trial %s.", ", ".join(running))
                said_running = True
            show(progress, task, plan.ledger)
            for ended in launcher.run(run_trial, [trial.folder for trial in unfinished]):
                record(ended)
                show(progress, task, plan.ledger)
                tell(plan.ledger, Trial.read(ended.folder))


def read(config: DictConfig) -> tuple[Space, Search, Launcher]:
    """The parts of a sweep."""
    return Space.of(definition_of(config)), instantiate(config.sweep.search), instantiate(config.launcher)


def definition_of(config: DictConfig) -> dict[str, Any]:
    """`conf/sweep/<name>.yaml` as plain types."""
    definition: dict[str, Any] = OmegaConf.to_container(config.sweep, resolve=True)  # type: ignore[assignment]
    return definition


def header_of(config: DictConfig) -> dict[str, Any]:
    """`sweep.json`: what the sweep is, on which data, by which code, and how its trials are started."""
    store = open_store(config.data.store)
    definition = definition_of(config)
    return {
        "name": definition["name"],
        "objective": definition["objective"],
        "definition": definition,
        "data": {
            "store": str(Path(config.data.store).resolve()),
            "content_hash": store.content_hash,
            "split_hash": store.split_hash,
        },
        "commit": commit(),
        "launch": {"folder": os.getcwd(), "logger": config.trials.logger},
    }


@dataclass(frozen=True)
class Plan:
    """Turns points of a space into trials of a ledger.

    Attributes:
        ledger: to write to.
        space: what there is to choose from.
        search: the way through it.
        further: overrides of all trials that the definition doesn't know of.
    """

    ledger: Ledger
    space: Space
    search: Search
    further: tuple[str, ...]

    def check(self) -> None:
        """Compare the trials that are there with what their overrides make now.

        Raises:
            ConfigError: the configuration of a trial isn't what it was, so results would not belong together.
        """
        trials = self.ledger.trials
        for trial in trials:
            overrides = self.overrides(trial.choice, trial.seed)
            identity = identify(overrides, self._content_hash)
            if identity.id != trial.id:
                changed = "; ".join(differences(trial.config, identity.config))
                raise ConfigError(
                    f"{trial.folder}: this trial would not be trained as it was planned ({changed}). Undo what changed "
                    "in `conf` or on the command line, or give another folder as `out`."
                )
            if trial.result is None and overrides != trial.overrides:  # in what has no effect
                point = Point(trial.kind, trial.axes, trial.choice, trial.seed)
                self._write(point, trial.number, overrides, identity, trials)

    def extend(self) -> list[Trial]:
        """Write down all trials that can be named now: controls, the search, and its best once it is over.

        Returns:
            All trials by number, as the plan was made with: the ledger is read once, and what ends meanwhile counts
            the next time.
        """
        trials = self.ledger.trials
        self._add(self.space.control_points(), trials)
        self._add(self.search.points(self.space, _searched(trials)), trials)
        searched = _searched(trials)
        if all(trial.result for trial in searched) and self.search.is_over(self.space, searched):
            self._add(self.space.repeats(searched), trials)
        return trials

    def overrides(self, choice: Sequence[str], seed: int) -> tuple[str, ...]:
        """Of `scripts.train`, for a trial."""
        header = self.ledger.header
        objective = header["objective"]
        return (
            *header["definition"]["fixed"],
            *self.further,
            *choice,
            override("callbacks.checkpoint.monitor", objective["metric"]),
            override("callbacks.checkpoint.mode", objective["mode"]),
            override("seed", seed),
        )

    @property
    def _content_hash(self) -> str:
        return str(self.ledger.header["data"]["content_hash"])

    def _add(self, points: Sequence[Point], trials: list[Trial]) -> None:
        """Write down the points that are not among all trials there are, and append them to these."""
        given = {trial.overrides for trial in trials}
        ids = {trial.id for trial in trials}
        for point in points:
            overrides = self.overrides(point.choice, point.seed)
            if overrides in given:
                continue
            identity = identify(overrides, self._content_hash)
            if identity.id not in ids:  # or other overrides make the same
                trials.append(self._write(point, len(trials), overrides, identity, trials))
                given.add(overrides)
                ids.add(identity.id)

    def _write(
        self,
        point: Point,
        number: int,
        overrides: tuple[str, ...],
        identity: Identity,
        trials: Sequence[Trial],
    ) -> Trial:
        folder = self.ledger.place(identity.id)
        trial = Trial(
            folder=folder,
            id=identity.id,
            number=number,
            kind=point.kind,
            group=identity.group,
            seed=identity.seed,
            axes=point.axes,
            choice=point.choice,
            overrides=overrides,
            config=identity.config,
            result=None,
        )
        self.ledger.write(trial, self.search.pruning(self.space, trial, _searched(trials)))
        return Trial.read(folder)


def _searched(trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.kind == "search"]


def forget_failed(ledger: Ledger) -> None:
    """Let failed trials be run again, from the start."""
    for trial in ledger.trials:
        if trial.result is not None and trial.result.state == "failed":
            shutil.rmtree(trial.run, ignore_errors=True)
            (trial.folder / RESULT).unlink()


def record(ended: Ended) -> None:
    """Give a trial whose workers were lost its result."""
    if Result.read(ended.folder) is None:
        Result(state="failed", error=ended.lost).write(ended.folder)


def tell(ledger: Ledger, trial: Trial) -> None:
    """A line about a trial that has ended."""
    result = trial.result
    assert result is not None, "it has ended"
    metric = ledger.header["objective"]["metric"]
    if result.state == "failed":
        logger.warning(
            "Trial %s (%s) failed: %s", trial.id, trial.label, " ".join((result.error or "").splitlines()[-2:])
        )
    else:
        how = f" ({result.state} after {result.epochs} epochs)" if result.state == "pruned" else ""
        logger.info("Trial %s (%s)%s: %s %s, %s s", trial.id, trial.label, how, metric, said(result), result.seconds)


def said(result: Result) -> str:
    """The objective of a trial, for people."""
    return "none" if result.value is None else f"{result.value:.4f}"


@contextmanager
def bar() -> Iterator[Progress]:
    """A progress bar over trials, on a terminal; elsewhere the lines of the log are enough."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


def show(progress: Progress, task: TaskID, ledger: Ledger) -> None:
    """Bring the bar up to the ledger."""
    trials = ledger.trials
    best = next(iter(ranked(trials, ledger.mode)), None)
    failed = sum(trial.result is not None and trial.result.state == "failed" for trial in trials)
    found = f"best {said(best.result)} ({best.label})" if best and best.result else "no result yet"
    progress.update(
        task,
        total=len(trials),
        completed=sum(trial.result is not None for trial in trials),
        description=found + (f", {failed} failed" if failed else ""),
    )


def conclude(ledger: Ledger) -> None:
    """What is best, what failed, and how to read on."""
    trials = ledger.trials
    states = [trial.result.state for trial in trials if trial.result]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("done", "pruned", "failed") if state in states)
    logger.info("%d trials: %s.", len(trials), counts)
    best = next((trial for trial in ranked(trials, ledger.mode) if trial.kind != "control"), None)
    if best is None or best.result is None:
        logger.warning("No trial has a result. Each says why in its train.log, in %s.", ledger.folder)
        return
    metric = ledger.header["objective"]["metric"]
    logger.info("Best %s: %s with %s. %s", metric, said(best.result), best.label, best.run / "best.ckpt")
    logger.info("$ %s", shlex.join(["python", "-m", "scripts.leaderboard", str(ledger.folder)]))


if __name__ == "__main__":
    run(main, "sweep", short={"data": "data.store", "logger": "trials.logger"})
