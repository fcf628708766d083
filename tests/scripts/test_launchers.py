"""Every launcher does the work once on each folder, and sends what was lost again."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.launchers import Launcher, LocalLauncher, RayLauncher, SubmititLauncher
from scripts.ledger import RESULT
from src.errors import ConfigError


def work(folder: Path, owner: int | None) -> None:
    """Ends well; in a folder with lives, only when these are used up."""
    lives = folder / "lives"
    left = int(lives.read_text()) if lives.is_file() else 0
    with open(folder / "attempts", "a") as file:
        file.write("x")
    if left:
        lives.write_text(str(left - 1))
        os._exit(9)
    (folder / RESULT).write_text("{}")


def local(attempts: int = 2) -> LocalLauncher:
    return LocalLauncher(n_jobs=2, attempts=attempts)


def slurm_here(attempts: int = 2) -> SubmititLauncher:
    pytest.importorskip("submitit", reason="submitit is not installed: pip install -e '.[sweep]'")
    settings = {"timeout_min": 5, "slurm_partition": None}
    return SubmititLauncher(cluster="local", max_jobs=2, attempts=attempts, poll_s=0.05, settings=settings)


def ray(attempts: int = 2) -> RayLauncher:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[cluster]'")
    return RayLauncher(address=None, num_cpus=1, num_gpus=0, memory_gb=None, attempts=attempts)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One Ray on two processors: it takes seconds to start."""
    module = pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[cluster]'")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    module.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    module.shutdown()


def folders(root: Path, **lives: int) -> list[Path]:
    paths = [root / "trials" / name for name in lives]
    for path in paths:
        path.mkdir(parents=True)
        (path / "lives").write_text(str(lives[path.name]))
    return paths


def run(launcher: Launcher, tasks: list[Path]) -> dict[str, str]:
    ended = [(each.folder.name, each.lost) for each in launcher.run(work, tasks)]
    assert len(ended) == len(tasks)
    return dict(ended)


def attempts(task: Path) -> int:
    return len((task / "attempts").read_text())


def test_a_cluster_that_does_not_answer_is_said_at_once(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[cluster]'")
    launcher = RayLauncher(address="127.0.0.1:9", num_cpus=1, num_gpus=0, memory_gb=None, attempts=1)
    with pytest.raises(ConfigError, match=r"Ray at 127.0.0.1:9 does not answer .*ray start --head"):
        list(launcher.run(work, folders(tmp_path, a=0)))


@pytest.mark.slow
@pytest.mark.parametrize("make", [local, slurm_here, ray], ids=["local", "submitit", "ray"])
def test_a_lost_worker_is_replaced_and_given_up_in_the_end(
    make: type, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if make is ray:
        request.getfixturevalue("cluster")
    tasks = folders(tmp_path, whole=0, twice=1, doomed=9)
    ended = run(make(), tasks)
    assert {name: bool(lost) for name, lost in ended.items()} == {"whole": False, "twice": False, "doomed": True}
    assert [(task / RESULT).is_file() for task in tasks] == [True, True, False]
    assert [attempts(task) for task in tasks] == [1, 2, 2]


def test_one_job_at_a_time_is_done_here_in_order(tmp_path: Path) -> None:
    tasks = folders(tmp_path, a=0, b=0, c=0)
    launcher = LocalLauncher(n_jobs=1, attempts=1)
    assert [each.folder for each in launcher.run(work, tasks)] == tasks


def test_no_folders_are_no_work() -> None:
    for launcher in (local(), slurm_here()):
        assert list(launcher.run(work, [])) == []


def test_settings_that_can_not_be_are_said() -> None:
    with pytest.raises(ConfigError, match="n_jobs is 0"):
        LocalLauncher(n_jobs=0, attempts=1)
    with pytest.raises(ConfigError, match="attempts is 0, max_jobs 0"):
        SubmititLauncher(cluster=None, max_jobs=0, attempts=0, poll_s=1.0, settings={})
    with pytest.raises(ConfigError, match="num_cpus 0"):
        RayLauncher(address=None, num_cpus=0, num_gpus=0, memory_gb=None, attempts=1)
