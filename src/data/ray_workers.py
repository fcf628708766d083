"""Processes of a Ray cluster that work through tasks, with the surface of `src.data.workers.WorkerPool`.

One actor is one process with the function loaded; it gets one task at a time, so a task that crashes or hangs costs
itself and nothing else. Ray starts on this machine, or the cluster is joined whose address is given. Every node needs
this project installed, and sees the videos and the store under the same paths: results of a task travel through Ray,
clips through the file system.
"""

import importlib
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from src.data.ray_cluster import joined, silence_ray
from src.data.workers import Lost
from src.errors import Audio2MotionError, DataError

logger = logging.getLogger(__name__)

_START_TIMEOUT_S = 300.0
_ATTEMPTS = 2
"""A node that goes away looks like a task that crashes its process; only the task does it twice."""


@dataclass(eq=False)
class _Worker:
    """An actor, and what it is doing: starting, working on a task until a deadline, or nothing."""

    actor: Any
    answer: Any
    task: Any = None
    busy: bool = False
    ready: bool = False
    deadline: float = math.inf


class _Actor:
    """Runs in a process of the cluster."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._make = make
        self._function: Callable[[Any], Any] | None = None

    def start(self) -> str:
        """Load what takes long; the sentence of what a user can repair, or nothing."""
        try:
            self._function = self._make()
        except Audio2MotionError as error:
            return str(error)
        return ""

    def work(self, task: Any) -> Any:
        assert self._function is not None, "start() comes first"
        return self._function(task)


class RayPool:
    """Works through tasks in actors of a Ray cluster.

    Attributes:
        make: called once in every actor (so it must pickle); gives the function from task to result.
        num_workers: actors at the same time; 0 is as many as the cluster has processors for.
        timeout_s: longest time for one task.
        address: of a running cluster: `auto` for the one that this machine is a node of, `<host>:6379`, or
            `ray://<host>:10001` from outside it (which takes `pip install "ray[client]"`); None starts Ray on this
            machine and stops it at the end.
        num_cpus: processors that an actor reserves, above 0; with 1, Ray lets its libraries use one thread.
    """

    def __init__(
        self,
        *,
        make: Callable[[], Callable[[Any], Any]],
        num_workers: int,
        timeout_s: float,
        address: str | None,
        num_cpus: float,
    ) -> None:
        if num_workers < 0 or timeout_s <= 0 or num_cpus <= 0:
            raise DataError(
                f"num_workers is {num_workers}, timeout_s {timeout_s} and num_cpus {num_cpus}; the first must not be "
                "negative, the others must be above 0. Correct the configuration."
            )
        self.make = make
        self.num_workers = num_workers
        self.timeout_s = timeout_s
        self.address = address
        self.num_cpus = num_cpus

    def run(self, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Pairs of task and result (or `Lost`), in the order in which they end.

        Raises:
            DataError: Ray is not installed, the cluster can't be reached or has no processor free, or an actor can't
                start its work; says why.
        """
        waiting = deque((task, 1) for task in tasks)
        if not waiting:
            return
        ray = _import_ray()
        with joined(ray, self.address, self._quiet(), error=DataError, key="the address"):
            num_workers = self.num_workers or max(1, int(ray.cluster_resources().get("CPU", 1) // self.num_cpus))
            logger.info("working with %d actors on %d Ray nodes", num_workers, len(ray.nodes()))
            pool = _Actors(ray, self)
            try:
                pool.start(min(num_workers, len(waiting)))
                while waiting or pool.busy:
                    yield from pool.step(waiting)
            finally:
                pool.stop()

    def _quiet(self) -> dict[str, Any]:
        """Settings of a Ray of ours, which says only what was asked for; sets the level of its logger as well."""
        verbose = logger.isEnabledFor(logging.DEBUG)
        logging.getLogger("ray").setLevel(logging.DEBUG if verbose else logging.ERROR)
        settings: dict[str, Any] = {"log_to_driver": verbose, "configure_logging": verbose}
        if self.address is None:
            processors = max(os.cpu_count() or 1, math.ceil(self.num_workers * self.num_cpus))
            settings |= {"num_cpus": processors, "include_dashboard": False}
        return settings


class _Actors:
    """The actors of one run."""

    def __init__(self, ray: ModuleType, pool: RayPool) -> None:
        self._ray = ray
        self._pool = pool
        # Ray never starts an actor again by itself: a task would be done twice without our knowing.
        self._remote = ray.remote(_Actor).options(num_cpus=pool.num_cpus, max_restarts=0, max_task_retries=0)
        self._workers: list[_Worker] = []
        self._give_up = math.inf

    @property
    def busy(self) -> bool:
        return any(worker.busy for worker in self._workers)

    def start(self, num_workers: int) -> None:
        self._give_up = time.monotonic() + _START_TIMEOUT_S
        self._workers = [self._new() for _ in range(num_workers)]

    def stop(self) -> None:
        for worker in self._workers:
            self._ray.kill(worker.actor)
        self._workers = []

    def step(self, waiting: deque[tuple[Any, int]]) -> list[tuple[Any, Any]]:
        """Wait for something to happen, deal with it, and keep everybody busy."""
        self._hand_out(waiting)
        by_answer = {worker.answer: worker for worker in self._workers if worker.answer is not None}
        deadline = min(self._give_up, *(worker.deadline for worker in self._workers))
        # Ray waits for None without end, and takes no infinity.
        timeout_s = None if math.isinf(deadline) else max(0.0, deadline - time.monotonic())
        heard, _ = self._ray.wait(list(by_answer), num_returns=1, timeout=timeout_s)
        ended = []
        for answer in heard:
            ended += self._listen(by_answer[answer], waiting)
        for worker in list(self._workers):
            if worker.busy and time.monotonic() >= worker.deadline:
                ended.append((worker.task[0], Lost.TIMEOUT))
                self._replace(worker)
        if time.monotonic() >= self._give_up:
            raise DataError(
                f"no Ray actor has started within {_START_TIMEOUT_S:g} s. `ray status` shows whether the cluster has "
                f"{self._pool.num_cpus:g} processors free for one."
            )
        return ended

    def _listen(self, worker: _Worker, waiting: deque[tuple[Any, int]]) -> list[tuple[Any, Any]]:
        """What an actor has to say: that it is ready, a result, or that it is no more."""
        try:
            message = self._ray.get(worker.answer)
        except self._ray.exceptions.RayError as error:
            logger.debug("an actor ended: %s", error)
            return self._lose(worker, waiting)
        if worker.busy:
            task, worker.busy, worker.answer, worker.deadline = worker.task[0], False, None, math.inf
            return [(task, message)]
        if message:
            raise DataError(message)
        worker.ready, worker.answer, self._give_up = True, None, math.inf
        return []

    def _lose(self, worker: _Worker, waiting: deque[tuple[Any, int]]) -> list[tuple[Any, Any]]:
        if not worker.ready and not any(other.ready for other in self._workers):
            raise DataError(
                "a Ray actor does not start. Run with A2M_LOG=DEBUG to see its output, and check on every node that "
                "the project is installed and `python -c 'import mediapipe, decord'` works."
            )
        ended = []
        if worker.busy:
            task, attempt = worker.task
            if attempt < _ATTEMPTS:
                waiting.append((task, attempt + 1))
            else:
                ended.append((task, Lost.CRASHED))
        self._replace(worker)
        return ended

    def _hand_out(self, waiting: deque[tuple[Any, int]]) -> None:
        for worker in self._workers:
            if waiting and worker.ready and not worker.busy:
                worker.task, worker.busy = waiting.popleft(), True
                worker.deadline = time.monotonic() + self._pool.timeout_s
                worker.answer = worker.actor.work.remote(worker.task[0])

    def _new(self) -> _Worker:
        actor = self._remote.remote(self._pool.make)
        return _Worker(actor, actor.start.remote())

    def _replace(self, worker: _Worker) -> None:
        self._ray.kill(worker.actor)
        self._workers[self._workers.index(worker)] = self._new()


def _import_ray() -> ModuleType:
    silence_ray()
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise DataError(
            f"Ray can't be imported ({error}). Install it with `pip install ray`, or prepare with "
            "`prepare.engine=local`."
        ) from error
