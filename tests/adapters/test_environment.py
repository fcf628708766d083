"""The environment of the adapters: protobuf 5 or later wins, and the engine misses nothing that fails beside it."""

import importlib
import pkgutil
import sys
from pathlib import Path

import google.protobuf
import pytest

import src.models
import src.realtime
import src.render


def test_protobuf_is_the_one_that_livekit_and_pipecat_need() -> None:
    assert int(google.protobuf.__version__.split(".")[0]) >= 5
    assert Path(google.protobuf.__file__).is_relative_to(sys.prefix)


@pytest.mark.parametrize("name", ["mediapipe", "decord", "skimage"])
def test_what_fails_beside_it_cannot_be_imported(name: str) -> None:
    with pytest.raises(ImportError, match="the engine must run without it"):
        importlib.import_module(name)


@pytest.mark.parametrize("package", [src.realtime, src.render, src.models], ids=lambda package: package.__name__)
def test_every_module_of_the_engine_imports(package: object) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
