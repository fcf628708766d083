"""Checkpoints are whole or not there, and are written when they should be."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from src.models.resuming import AtomicCheckpoints

KILLED_WHILE_WRITING = """
import os, signal, sys
import torch
from src.models.resuming import AtomicCheckpoints

class Kill:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)

AtomicCheckpoints().save_checkpoint({"epoch": 2, "state": Kill()}, sys.argv[1])
"""


class Fails:
    """An object that can't be written."""

    def __reduce__(self) -> str:
        raise OSError("disk full")


def test_a_checkpoint_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "run" / "last.ckpt"
    for epoch in (1, 2):
        AtomicCheckpoints().save_checkpoint({"epoch": epoch, "weights": torch.ones(3)}, path)
    assert AtomicCheckpoints().load_checkpoint(path)["epoch"] == 2
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_checkpoint_that_can_not_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpoints().save_checkpoint({"epoch": 1}, path)
    with pytest.raises(OSError, match="disk full"):
        AtomicCheckpoints().save_checkpoint({"epoch": 2, "state": Fails()}, path)
    assert AtomicCheckpoints().load_checkpoint(path)["epoch"] == 1


@pytest.mark.slow
def test_a_kill_while_writing_leaves_the_one_before_and_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpoints().save_checkpoint({"epoch": 1}, path)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], env=environment)
    assert killed.returncode == -signal.SIGKILL
    assert AtomicCheckpoints().load_checkpoint(path)["epoch"] == 1
    assert len(list(tmp_path.iterdir())) == 2
    AtomicCheckpoints().save_checkpoint({"epoch": 2}, path)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
