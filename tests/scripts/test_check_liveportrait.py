"""Parity of LivePortrait by command: all stored vectors pass, and nothing else does."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.script_process import run_script


def check(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return run_script("check_liveportrait", f"vectors='{folder}'", *overrides)


@pytest.fixture
def vectors(shared: Path, tmp_path: Path) -> Path:
    """The vectors that need only small networks, in a folder that can be changed."""
    folder = tmp_path / "vec tors"
    folder.mkdir()
    for name in ("S.npz", "weights_crc32.json"):
        shutil.copyfile(shared / "liveportrait" / "parity" / name, folder / name)
    return folder


def test_some_of_the_files_are_enough(vectors: Path, tmp_path: Path) -> None:
    done = check(vectors, f"out='{tmp_path / 'parity.json'}'")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads((tmp_path / "parity.json").read_text())
    assert report["S"]["pass"]
    assert report["S"]["vectors"] == 6
    assert "6 of 9 vectors" not in done.stderr
    assert "9 of 9 vectors pass" in done.stderr


def test_vectors_of_another_seed_fail(vectors: Path) -> None:
    done = check(vectors, "seed=2")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert not report["S"]["pass"]
    assert "give the right seed" in report["weights"]["note"]


def test_a_changed_vector_and_an_unknown_file_fail_by_name(vectors: Path) -> None:
    with np.load(vectors / "S.npz") as archive:
        arrays = dict(archive)
    arrays["out/eye"] = arrays["out/eye"] * np.float32(1 + 1e-5)
    np.savez(vectors / "S.npz", **arrays, extra=np.zeros(3))
    np.savez(vectors / "other.npz", x=np.zeros(3))
    (vectors / "weights_crc32.json").unlink()
    done = check(vectors)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["other"]["max_abs"] is None
    assert not report["other"]["pass"]
    assert report["S"]["failed"] == 2
    assert report["S"]["worst"] == "S/extra"
    assert "weights" not in report


def test_a_folder_without_vectors_is_said_plainly(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.returncode == 2
    assert f"error: {tmp_path}: no .npz with parity vectors." in done.stderr


@pytest.mark.slow
def test_all_stored_vectors_pass(shared: Path) -> None:
    done = check(shared / "liveportrait" / "parity")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {"weights", "F", "M", "W", "G", "S", "math", "crop", "motion", "e2e"}
    assert all(file["pass"] and file["failed"] == 0 for file in report.values())
    assert {"max_abs", "max_rel", "worst", "vectors"} <= set(report["e2e"])
