import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from scripts.schema import register
from src.data.ray_workers import RayPool
from src.data.workers import Lost, WorkerPool
from src.errors import DataError
from src.files import sha256_of


def make_worker() -> Callable[[str], str]:
    return work


def work(task: str) -> str:
    if task == "crash":
        os._exit(9)
    if task == "hang":
        time.sleep(600)
    if task == "fail":
        raise ValueError("an odd file")
    return task.upper()


def make_flaky(folder: Path) -> Callable[[str], str]:
    return functools.partial(crash_once, folder)


def crash_once(folder: Path, task: str) -> str:
    try:
        (folder / task).touch(exist_ok=False)
    except FileExistsError:
        return task
    os._exit(9)


def make_inspector() -> Callable[[str], str | None]:
    return os.environ.get


def refuse(message: str) -> Callable[[str], str]:
    raise DataError(message)


def die() -> Callable[[str], str]:
    os._exit(3)


def pool(make: Callable[[], Callable[[str], object]], num_workers: int = 2, **changed: object) -> RayPool:
    said = {"timeout_s": 60.0, "address": None, "num_cpus": 1}
    return RayPool(make=make, num_workers=num_workers, **{**said, **changed})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ray() -> Iterator[ModuleType]:
    """One Ray on two processors for all tests: it takes seconds to start."""
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS", raising=False)  # what the tests run with: actors are to have it by themselves
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield ray
    ray.shutdown()


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "head.invalid:6379", "head:port"])
def test_a_cluster_that_does_not_answer_is_said_at_once(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(DataError, match=rf"Ray at {address} does not answer .*ray start --head"):
        list(pool(make_worker, address=address).run(["a"]))


@pytest.mark.slow
def test_results_are_those_of_the_local_pool(ray: ModuleType) -> None:
    tasks = ["a", "crash", "b", "fail", "c", "d"]
    results = dict(pool(make_worker).run(tasks))
    assert results == {"a": "A", "b": "B", "c": "C", "d": "D", "crash": Lost.CRASHED, "fail": Lost.CRASHED}
    assert results == dict(WorkerPool(make=make_worker, num_workers=2, timeout_s=60).run(tasks))
    assert ray.is_initialized()  # a Ray that somebody else started goes on


@pytest.mark.slow
def test_a_task_that_hangs_is_given_up_and_the_next_one_is_done(ray: ModuleType) -> None:
    results = dict(pool(make_worker, num_workers=1, timeout_s=1.0).run(["hang", "a"]))
    assert results == {"hang": Lost.TIMEOUT, "a": "A"}


@pytest.mark.slow
def test_a_task_whose_node_went_away_gets_a_second_chance(ray: ModuleType, tmp_path: Path) -> None:
    assert dict(pool(functools.partial(make_flaky, tmp_path)).run(["a"])) == {"a": "a"}


@pytest.mark.slow
def test_actors_use_one_thread_each(ray: ModuleType) -> None:
    assert dict(pool(make_inspector).run(["OMP_NUM_THREADS"])) == {"OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_what_keeps_actors_from_starting_is_said(ray: ModuleType) -> None:
    with pytest.raises(DataError, match="no MediaPipe here"):
        list(pool(functools.partial(refuse, "no MediaPipe here")).run(["a", "b"]))
    with pytest.raises(DataError, match="a Ray actor does not start"):
        list(pool(die).run(["a"]))


@pytest.mark.slow
def test_a_store_prepared_with_ray_is_that_of_one_machine_byte_for_byte(
    ray: ModuleType, tmp_path: Path, write_talking: Callable[..., Path]
) -> None:
    for number in range(2):
        write_talking(tmp_path / "videos" / f"{number}.mp4", seed=number)
    (tmp_path / "videos" / "list.csv").write_text("path,speaker\n0.mp4,ann\n1.mp4,bob\ngone.mp4,zoe\n")
    local, rays = (prepare(tmp_path / "videos" / "list.csv", tmp_path / engine, engine) for engine in ("local", "ray"))
    assert local == rays
    assert len([name for name in local if name.endswith(".safetensors")]) == 2
    report = json.loads((tmp_path / "ray" / "report.json").read_text())
    assert [(each["path"], each["reason"].split(":")[0]) for each in report["rejected"]] == [("gone.mp4", "unreadable")]


def prepare(manifest: Path, out: Path, engine: str) -> dict[str, str]:
    """Hashes of everything in the store but its report, which has times."""
    register()
    keys = [f"prepare.engine={engine}", "data=manifest", f"data.manifest={manifest}", f"out={out}", "prepare.workers=1"]
    # A noise is no speech, and the portrait is small.
    keys += ["prepare.settings.min_speech_share=0", "prepare.settings.min_face_px=60"]
    with initialize_config_dir(str(Path(__file__).resolve().parents[2] / "conf"), version_base=None):
        config = compose("prepare_data", keys)
    instantiate(config.prepare).run(instantiate(config.data), out, lambda done, total: None)
    files = [path for path in out.rglob("*") if path.is_file() and path.name != "report.json"]
    return {path.relative_to(out).as_posix(): sha256_of(path) for path in files}


def test_nothing_to_do_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert list(pool(die).run([])) == []


def test_without_ray_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DataError, match="pip install ray"):
        list(pool(make_worker).run(["a"]))


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="num_workers is -1"):
        pool(make_worker, num_workers=-1)
