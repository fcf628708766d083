"""Fixtures that several test packages share."""

import os
from pathlib import Path

# What tests compute is small, and as many of them run as there are cores: a second thread waits more than it works.
# Before anything imports PyTorch; processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# A busy machine is slow now and then; no test asserts a duration.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and model files beside the project; skips where it is missing."""
    folder = Path(os.environ.get("A2M_SHARED", "../shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set A2M_SHARED to the folder with the real data")
    return folder.resolve()
