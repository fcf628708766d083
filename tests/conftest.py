"""Fixtures that several test packages share."""

import functools
import os
from collections.abc import Iterator
from contextlib import suppress
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
def quick_exports() -> Iterator[None]:
    """`torch.onnx.export` parses some 500 functions of onnxscript anew each time; with this, once."""
    with pytest.MonkeyPatch.context() as patch:
        with suppress(ImportError):  # tests of exports skip without the extra by themselves
            from torch.onnx._internal.exporter._registration import onnxscript_apis

            patch.setattr(onnxscript_apis, "get_torchlib_ops", functools.cache(onnxscript_apis.get_torchlib_ops))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and model files beside the project; skips where it is missing."""
    folder = Path(os.environ.get("A2M_SHARED", "../shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set A2M_SHARED to the folder with the real data")
    return folder.resolve()


LONGEST_FIRST = (
    "test_notebooks.py",
    "scripts/test_sweep_killed.py",
    "scripts/test_check_liveportrait.py",
    "scripts/test_demo.py",
    "models/test_export.py",
    "scripts/test_resume.py",
    "data/test_kill.py",
    "render/liveportrait/test_compiled_engine.py",
    "data/test_prepare.py",
    "data/test_ray_workers.py",
    "scripts/test_benchmark_liveportrait.py",
    "data/test_real_sync.py",
    "scripts/test_export_liveportrait.py",
    "scripts/test_benchmark_data.py",
)
"""Files that take ten seconds or more: with `--no-loadscope-reorder`, none is left for the end, when cores idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, and all others in their order."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
