import functools
import os
import time
from collections.abc import Callable

import pytest

from src.data.workers import Lost, WorkerPool
from src.errors import DataError


def make_worker() -> Callable[[str], str]:
    return work


def work(task: str) -> str:
    if task == "crash":
        os._exit(9)
    if task == "hang":
        time.sleep(600)
    return task.upper()


def refuse(message: str) -> Callable[[str], str]:
    raise DataError(message)


def die() -> Callable[[str], str]:
    os._exit(3)


@pytest.mark.parametrize("num_workers", [1, 3])
def test_a_crash_or_a_hang_costs_its_own_task_only(num_workers: int) -> None:
    pool = WorkerPool(make=make_worker, num_workers=num_workers, timeout_s=3.0)
    tasks = ["a", "crash", "b", "hang", "c"]
    assert dict(pool.run(tasks)) == {
        "a": "A", "b": "B", "c": "C", "crash": Lost.CRASHED, "hang": Lost.TIMEOUT,
    }  # fmt: skip


def test_nothing_to_do_starts_nothing() -> None:
    assert list(WorkerPool(make=die, num_workers=2, timeout_s=1.0).run([])) == []


def test_what_keeps_workers_from_starting_is_said() -> None:
    pool = WorkerPool(make=functools.partial(refuse, "no MediaPipe here"), num_workers=2, timeout_s=1.0)
    with pytest.raises(DataError, match="no MediaPipe here"):
        list(pool.run(["a", "b"]))
    with pytest.raises(DataError, match="a worker process does not start"):
        list(WorkerPool(make=die, num_workers=1, timeout_s=1.0).run(["a"]))


def test_a_pool_without_workers_is_refused() -> None:
    with pytest.raises(DataError, match="num_workers is 0"):
        WorkerPool(make=make_worker, num_workers=0, timeout_s=1.0)
