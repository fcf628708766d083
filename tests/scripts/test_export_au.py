import subprocess
from pathlib import Path

from tests.script_process import run_script
from tests.tiny_store import write_tiny_store

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script("export_au", *arguments)


def test_every_clip_gets_a_table(tmp_path: Path) -> None:
    write_tiny_store(tmp_path / "store", {"ann": [30, 50], "bob": [40]})
    result = run(f"store={tmp_path / 'store'}", f"out={tmp_path / 'au'}")
    assert result.returncode == 0, result.stderr
    tables = {path.name: path.read_text("utf-8").splitlines() for path in (tmp_path / "au").iterdir()}
    assert {name: len(lines) - 1 for name, lines in tables.items()} == {
        "ann_0.csv": 30,
        "ann_1.csv": 50,
        "bob_0.csv": 40,
    }
    lines = tables["ann_0.csv"]
    assert lines[0] == "frame, face_id, timestamp, confidence, success, AU45_r"
    assert lines[1] == "1,0,0.000,1,1,0.000"
    assert lines[4].split(",")[3:5] == ["0", "0"]  # the store marks frames 3 to 5


def test_a_folder_that_is_no_store_is_named(tmp_path: Path) -> None:
    result = run(f"store={tmp_path}", f"out={tmp_path / 'au'}")
    assert result.returncode == 2
    assert "not a prepared store" in result.stderr
