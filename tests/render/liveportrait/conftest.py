"""What tests of engines and renderer share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import nn

from src.render.liveportrait.engine import EagerEngine
from src.render.liveportrait.onnx_export import export_networks
from tests.render.liveportrait.small_networks import one_thread, seeded_networks


@pytest.fixture
def single_threaded() -> Iterator[None]:
    """Small layers on one thread."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def networks() -> dict[str, nn.Module]:
    """All seven, small, never changed."""
    return seeded_networks()


@pytest.fixture(scope="session")
def eager(networks: dict[str, nn.Module]) -> EagerEngine:
    """The engine that others are compared with."""
    return EagerEngine(networks=networks, weights=None, device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def exported(networks: dict[str, nn.Module], tmp_path_factory: pytest.TempPathFactory, quick_exports: None) -> Path:
    """`networks` as ONNX, for two pictures at once; read only."""
    folder = tmp_path_factory.mktemp("export") / "networks"
    export_networks(networks, folder, weights=None, opset=18, batch=2, tolerance=1e-3, seed=1)
    return folder
