"""Processes that work through tasks, of which any task may crash or hang its process.

Decoders of foreign files do both. A task that kills its process, or takes longer than allowed, costs
itself and nothing else: it is reported as such, and a fresh process takes the next one.
"""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from src.errors import Audio2MotionError, DataError

logger = logging.getLogger(__name__)

_START_TIMEOUT_S = 120.0


class Lost(Enum):
    """How a task ended without a result."""

    CRASHED = "crashed"
    TIMEOUT = "timeout"


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Any = None
    deadline: float = 0.0
    ready: bool = False


class WorkerPool:
    """Works through tasks in processes of its own.

    Attributes:
        make: called once in every process (so it must pickle); gives the function from task to result.
        num_workers: processes at the same time.
        timeout_s: longest time for one task.
    """

    def __init__(self, *, make: Callable[[], Callable[[Any], Any]], num_workers: int, timeout_s: float) -> None:
        if num_workers < 1 or timeout_s <= 0:
            raise DataError(
                f"num_workers is {num_workers} and timeout_s {timeout_s}; both must be above 0. "
                "Correct the configuration."
            )
        self.make = make
        self.num_workers = num_workers
        self.timeout_s = timeout_s
        # spawn: the threads and locks of decoders and of MediaPipe do not survive a fork.
        self._context = multiprocessing.get_context("spawn")

    def run(self, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Pairs of task and result (or `Lost`), in the order in which they end.

        Raises:
            DataError: a process can't start its work; says why.
        """
        waiting = deque(tasks)
        workers = [self._start() for _ in range(min(self.num_workers, len(waiting)))]
        try:
            while waiting or any(worker.task is not None for worker in workers):
                yield from self._step(workers, waiting)
        finally:
            for worker in workers:
                _stop(worker)

    def _step(self, workers: list[_Worker], waiting: deque[Any]) -> list[tuple[Any, Any]]:
        """Wait for something to happen, deal with it, and keep everybody busy."""
        next_deadline = min(worker.deadline for worker in workers)
        heard = wait([worker.connection for worker in workers], timeout=max(0.0, next_deadline - time.monotonic()))
        ended = []
        for index, worker in enumerate(workers):
            lost = None
            if worker.connection in heard:
                try:
                    message = worker.connection.recv()
                    if worker.task is not None:
                        ended.append((worker.task, message))
                        worker.task = None
                    elif isinstance(message, Audio2MotionError):
                        raise message
                    worker.ready = True
                except (EOFError, OSError):
                    lost = Lost.CRASHED
            elif time.monotonic() >= worker.deadline:
                lost = Lost.TIMEOUT
            if lost is not None:
                if not worker.ready:
                    raise DataError(
                        "a worker process does not start. Run with prepare.workers=1 and A2M_LOG=DEBUG to see its "
                        "output, and check that `python -c 'import mediapipe, decord'` works."
                    )
                if worker.task is not None:
                    ended.append((worker.task, lost))
                _stop(worker)
                workers[index] = worker = self._start()
            if worker.ready and worker.task is None:
                worker.deadline = float("inf")
                if waiting:
                    worker.task, worker.deadline = waiting.popleft(), time.monotonic() + self.timeout_s
                    with suppress(OSError):  # it has just died; the next round hears of it
                        worker.connection.send(worker.task)
        return ended

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self.make, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, deadline=time.monotonic() + _START_TIMEOUT_S)


def _end_with_parent() -> None:
    """End this process, in the middle of its task, when the one that started it is gone.

    What an orphan finishes could undo what the next run, maybe with other settings, has done meanwhile.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(make: Callable[[], Callable[[Any], Any]], connection: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C goes to the whole group; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        function = make()
    except Audio2MotionError as error:
        connection.send(DataError(str(error)))
        return
    connection.send("ready")
    while True:
        try:
            task = connection.recv()
            connection.send(function(task))
        except (EOFError, BrokenPipeError):  # the parent is gone
            return


def _stop(worker: _Worker) -> None:
    worker.connection.close()
    worker.process.kill()
    worker.process.join()
