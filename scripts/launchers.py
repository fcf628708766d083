"""Where the trials of a sweep run: processes of this machine, jobs of a Slurm cluster, or tasks of a Ray cluster.

A launcher gets folders of trials and gives them back in the order in which they end; what came of each is in its
folder. A worker that is lost with its machine leaves a trial without a result: it is sent again, so many times.
Which launcher a sweep uses is a matter of configuration alone, `launcher=local`, `submitit` or `ray`.
"""

import importlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

from scripts.ledger import RESULT
from scripts.trial import run_trial
from src.errors import ConfigError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ended:
    """A trial that a launcher is through with.

    Attributes:
        folder: of the trial; it has a result unless its workers were lost.
        lost: why it has none.
    """

    folder: Path
    lost: str


class Launcher(Protocol):
    """Runs trials: see `scripts.trial.run_trial`."""

    def run(self, folders: Sequence[Path]) -> Iterator[Ended]:
        """Run these trials, and give each once when it has ended."""
        ...


class LocalLauncher:
    """Processes of this machine."""

    def __init__(self, *, n_jobs: int, attempts: int) -> None:
        """Run so many trials at the same time, with joblib.

        Args:
            n_jobs: 1 is a trial after the other. Each takes a core per thread and the memory of a training.
            attempts: for a trial whose worker is killed; of the training that it waits for this says nothing.
        """
        if n_jobs < 1 or attempts < 1:
            raise ConfigError(f"launcher: n_jobs is {n_jobs} and attempts {attempts}; both must be at least 1.")
        self._n_jobs = n_jobs
        self._attempts = attempts

    def run(self, folders: Sequence[Path]) -> Iterator[Ended]:
        """See `Launcher`."""
        joblib = import_extra("joblib", "sweep")
        broken = importlib.import_module("joblib.externals.loky.process_executor").BrokenProcessPool
        waiting = list(folders)
        for attempt in range(1, self._attempts + 1):
            parallel = joblib.Parallel(
                n_jobs=self._n_jobs, batch_size=1, pre_dispatch="n_jobs", return_as="generator_unordered"
            )
            try:
                for folder in parallel(joblib.delayed(_finished)(folder, os.getpid()) for folder in list(waiting)):
                    waiting.remove(folder)
                    yield Ended(folder, "")
            except broken:
                logger.warning("A worker was lost, at attempt %d of %d.", attempt, self._attempts)
            # Others may have ended before that was noticed.
            for folder in [folder for folder in waiting if (folder / RESULT).is_file()]:
                waiting.remove(folder)
                yield Ended(folder, "")
            if not waiting:
                return
        for folder in waiting:
            yield Ended(folder, f"the worker was lost {self._attempts} times, perhaps for the memory of this machine")


def import_extra(name: str, extra: str) -> ModuleType:
    """A package that only some launchers need.

    Raises:
        ConfigError: it is missing; says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"{name} can't be imported ({error}). Install it with `pip install -e '.[{extra}]'`, or choose another "
            "launcher or search."
        ) from error


def _finished(folder: Path, owner: int) -> Path:
    run_trial(folder, owner)
    return folder
