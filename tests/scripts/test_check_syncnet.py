"""Parity of SyncNet by command: all stored vectors pass, and nothing else does."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.script_process import run_script


def check(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return run_script("check_syncnet", f"vectors='{folder}'", *overrides)


@pytest.fixture
def vectors(shared: Path, tmp_path: Path) -> Path:
    """The vectors that need no network, in a folder that can be changed."""
    folder = tmp_path / "vec tors"
    folder.mkdir()
    for name in ("mfcc.npz", "dist.npz", "weight_scale.json", "weights_crc32.json"):
        shutil.copyfile(shared / "syncnet" / "parity" / name, folder / name)
    return folder


@pytest.mark.slow
def test_all_stored_vectors_pass(shared: Path, tmp_path: Path) -> None:
    done = check(shared / "syncnet" / "parity", f"out='{tmp_path / 'parity.json'}'")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads((tmp_path / "parity.json").read_text())
    assert {name.partition("/")[0] for name in report} == {
        *("weights", "net", "mfcc", "dist", "wavshift", "e2e", "crop", "s3fd", "color")
    }
    assert all(vector["pass"] for vector in report.values())
    assert f"{len(report)} of {len(report)} vectors pass" in done.stderr


def test_vectors_of_another_seed_fail(vectors: Path) -> None:
    done = check(vectors, "seed=2")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["mfcc/out/mfcc"]["pass"], "sound is stored, not seeded"
    assert not report["dist/short12/min_dist"]["pass"]


def test_a_changed_vector_and_an_unknown_file_fail_alone(vectors: Path) -> None:
    with np.load(vectors / "mfcc.npz") as archive:
        arrays = dict(archive)
    arrays["out/energy"] = arrays["out/energy"] * (1 + 1e-9)
    np.savez(vectors / "mfcc.npz", **arrays)
    np.savez(vectors / "other.npz", x=np.zeros(3))
    done = check(vectors)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert {name for name, vector in report.items() if not vector["pass"]} == {"mfcc/out/energy", "other"}
    assert report["other"]["max_abs"] is None


def test_a_folder_without_vectors_is_said_plainly(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.returncode == 2
    assert f"error: {tmp_path}: no .npz with parity vectors." in done.stderr
