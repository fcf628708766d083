import subprocess
from pathlib import Path

from src.data.shards import open_shards
from tests.script_process import run_script
from tests.tiny_store import write_tiny_store

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script("export_shards", *arguments)


def test_a_store_is_exported_from_the_command_line(tmp_path: Path) -> None:
    store = write_tiny_store(tmp_path / "store", {"ann": [10] * 4})
    done = run(f"store={store.folder}", f"out={tmp_path / 'shards'}", "shard_mb=0.05")
    assert done.returncode == 0, done.stderr
    assert open_shards(tmp_path / "shards").content_hash == store.content_hash
    assert len(list((tmp_path / "shards").glob("*.tar"))) == 2


def test_a_folder_that_is_no_store_ends_with_one_message(tmp_path: Path) -> None:
    done = run(f"store={tmp_path}", f"out={tmp_path / 'shards'}")
    assert done.returncode == 2
    assert "not a prepared store" in done.stderr
    assert "Traceback" not in done.stderr
