import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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


def say_and_hang() -> Callable[[str], str]:
    def work(path: str) -> str:
        Path(path).write_text(str(os.getpid()))
        time.sleep(600)
        return path

    return work


def run_until_killed(path: str) -> None:
    list(WorkerPool(make=say_and_hang, num_workers=1, timeout_s=600.0).run([path]))


def has_ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    written = tmp_path / "pid"
    code = f"import test_workers; test_workers.run_until_killed({str(written)!r})"
    paths = os.pathsep.join([str(Path(__file__).parent), os.getcwd()])
    parent = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths})
    wait_until(lambda: written.exists() and written.read_text() != "")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: has_ended(int(written.read_text())))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
