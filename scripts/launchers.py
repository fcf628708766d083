"""Where the trials of a sweep run: processes of this machine, jobs of a Slurm cluster, or tasks of a Ray cluster.

A launcher gets folders of trials and gives them back in the order in which they end; what came of each is in its
folder. A worker that is lost with its machine leaves a trial without a result: it is sent again, so many times.
Which launcher a sweep uses is a matter of configuration alone, `launcher=local`, `submitit` or `ray`.
"""

import importlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from scripts.ledger import RESULT
from src.data.ray_cluster import joined, silence_ray
from src.errors import ConfigError

logger = logging.getLogger(__name__)

JOBS = "jobs"
"""Folder of submitit's own files in that of a sweep."""

Work = Callable[[Path, int | None], None]
"""`scripts.trial.run_trial`: takes the folder of a trial, and the process that it must not outlive, if any."""


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
    """Does work on folders somewhere."""

    def run(self, work: Work, folders: Sequence[Path]) -> Iterator[Ended]:
        """Do the work on each of these folders, and give each once when it has ended."""
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

    def run(self, work: Work, folders: Sequence[Path]) -> Iterator[Ended]:
        """See `Launcher`."""
        loky = import_extra("joblib.externals.loky", "sweep")
        waiting = deque((folder, 1) for folder in folders)
        running: dict[Future[None], tuple[Path, int, Any]] = {}
        free: list[Any] = []
        try:
            while waiting or running:
                while waiting and len(running) < self._n_jobs:
                    # One worker each: in a common pool, one that dies takes those of others with it.
                    pool = free.pop() if free else loky.ProcessPoolExecutor(max_workers=1)
                    folder, attempt = waiting.popleft()
                    running[pool.submit(work, folder, os.getpid())] = folder, attempt, pool
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    folder, attempt, pool = running.pop(future)
                    try:
                        future.result()
                    except loky.BrokenProcessPool:
                        logger.warning("The worker of %s was lost, at attempt %d.", folder, attempt)
                        pool.shutdown(kill_workers=True)
                        if attempt < self._attempts:
                            waiting.append((folder, attempt + 1))
                        else:
                            yield Ended(folder, f"the worker was lost {attempt} times, perhaps for its memory")
                    else:
                        free.append(pool)
                        yield Ended(folder, "")
        finally:
            for pool in (*free, *(pool for _, _, pool in running.values())):
                pool.shutdown(kill_workers=True)


class SubmititLauncher:
    """Jobs of a Slurm cluster, by submitit; or, to try the same here, processes of this machine.

    All machines need this project installed, and see the store and the folder of the sweep under the same paths. Jobs
    go on when the sweep ends; the same command finds what they do and waits for it.
    """

    def __init__(
        self,
        *,
        cluster: str | None,
        max_jobs: int,
        attempts: int,
        poll_s: float,
        settings: dict[str, Any],
    ) -> None:
        """Take the settings; nothing is asked of the cluster before `run`.

        Args:
            cluster: `slurm`, `local` for processes of this machine, `debug` for this very process; None for Slurm
                where there is one, and `local` elsewhere.
            max_jobs: submitted at the same time; 0 for all at once.
            attempts: jobs for a trial that ends without a result. One that Slurm preempts, or that runs out of its
                time, is requeued by submitit and goes on from its last checkpoint; that is none of them.
            poll_s: time between looks at the jobs.
            settings: of `submitit.AutoExecutor.update_parameters`; null ones are left out.
        """
        if attempts < 1 or max_jobs < 0 or poll_s <= 0:
            raise ConfigError(
                f"launcher: attempts is {attempts}, max_jobs {max_jobs} and poll_s {poll_s}; they must be at least 1, "
                "at least 0 and above 0."
            )
        self._cluster = cluster
        self._max_jobs = max_jobs
        self._attempts = attempts
        self._poll_s = poll_s
        self._settings = {name: value for name, value in settings.items() if value is not None}

    def run(self, work: Work, folders: Sequence[Path]) -> Iterator[Ended]:
        """See `Launcher`. Jobs that have not ended when nobody waits any more are cancelled."""
        submitit = import_extra("submitit", "sweep")
        if not folders:
            return
        executor = submitit.AutoExecutor(folder=folders[0].parents[1] / JOBS, cluster=self._cluster)
        executor.update_parameters(**self._settings)
        waiting = [(folder, 1) for folder in folders]
        jobs: dict[Path, tuple[Any, int]] = {}
        try:
            while waiting or jobs:
                while waiting and (not self._max_jobs or len(jobs) < self._max_jobs):
                    folder, attempt = waiting.pop(0)
                    jobs[folder] = executor.submit(_Job(work), folder), attempt
                for folder, (job, attempt) in list(jobs.items()):
                    if not job.done():
                        continue
                    del jobs[folder]
                    if (folder / RESULT).is_file():
                        yield Ended(folder, "")
                    elif attempt < self._attempts:
                        logger.warning("Job %s of %s was lost, at attempt %d.", job.job_id, folder, attempt)
                        waiting.append((folder, attempt + 1))
                    else:
                        yield Ended(folder, f"job {job.job_id} ended without a result: {_end_of(job.stderr())}")
                if jobs:
                    time.sleep(self._poll_s)
        finally:
            for job, _ in jobs.values():
                job.cancel()


class _Job:
    """A trial as submitit takes it: one that can be stopped, and goes on in another job."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, folder: Path) -> None:
        self._work(folder, None)

    def checkpoint(self, folder: Path) -> Any:
        """What submitit requeues when Slurm takes the machine back."""
        return import_extra("submitit.helpers", "sweep").DelayedSubmission(self, folder)


class RayLauncher:
    """Tasks of a Ray cluster.

    All nodes need this project installed, and see the store and the folder of the sweep under the same paths.
    """

    def __init__(
        self, *, address: str | None, num_cpus: float, num_gpus: float, memory_gb: float | None, attempts: int
    ) -> None:
        """Take the settings; Ray is not started before `run`.

        Args:
            address: of a running cluster, `auto` or `<host>:6379`; None starts Ray on this machine, and stops it.
            num_cpus: processors that a trial reserves, above 0: as many trials run at the same time as fit.
            num_gpus: that it reserves.
            memory_gb: that it reserves; None for none.
            attempts: for a trial whose node or worker dies.
        """
        if attempts < 1 or num_cpus <= 0 or num_gpus < 0:
            raise ConfigError(
                f"launcher: attempts is {attempts}, num_cpus {num_cpus} and num_gpus {num_gpus}; they must be at "
                "least 1, above 0 and at least 0."
            )
        self._address = address
        self._resources = {
            "num_cpus": num_cpus,
            "num_gpus": num_gpus,
            **({} if memory_gb is None else {"memory": memory_gb * 2**30}),
        }
        self._attempts = attempts

    def run(self, work: Work, folders: Sequence[Path]) -> Iterator[Ended]:
        """See `Launcher`."""
        silence_ray()
        ray = import_extra("ray", "cluster")
        settings: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if self._address is None:
            settings["include_dashboard"] = False
        with joined(ray, self._address, settings, error=ConfigError, key="launcher.address"):
            remote = ray.remote(max_retries=self._attempts - 1, **self._resources)(work)
            answers = {remote.remote(folder.resolve(), None): folder for folder in folders}
            try:
                while answers:
                    (answer,), _ = ray.wait(list(answers), num_returns=1)
                    folder = answers.pop(answer)
                    try:
                        ray.get(answer)
                        yield Ended(folder, "")
                    except ray.exceptions.RayError as error:
                        yield Ended(folder, f"the worker was lost {self._attempts} times: {_end_of(str(error))}")
            finally:
                for answer in answers:
                    ray.cancel(answer, force=True)


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


def _end_of(text: str | None) -> str:
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
