"""Networks that several modules look at, exported once."""

from pathlib import Path

import pytest

from src.render.liveportrait.onnx_export import export_networks
from tests.render.liveportrait.small_networks import seeded_networks


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`seeded_networks` as ONNX, for two pictures at once; read only."""
    folder = tmp_path_factory.mktemp("export") / "networks"
    export_networks(seeded_networks(), folder, weights=None, opset=18, batch=2, tolerance=1e-3, seed=1)
    return folder
