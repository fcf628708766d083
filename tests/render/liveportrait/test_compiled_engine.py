"""Compiled frames are the eager ones, or there is an error."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from src.errors import ConfigError
from src.render.liveportrait.compiled_engine import CompiledEngine
from src.render.liveportrait.engine import EagerEngine
from tests.render.liveportrait.engine_checks import STEPS, check_pictures
from tests.render.liveportrait.small_networks import ROOT

pytestmark = pytest.mark.usefixtures("single_threaded")

WITHOUT_A_COMPILER = """
from src.errors import ConfigError
from src.render.liveportrait.compiled_engine import CompiledEngine
from tests.render.liveportrait.engine_checks import looked_at
from tests.render.liveportrait.small_networks import seeded_networks
settings = dict(weights=None, device="cpu", dtype="float32", mode="default", batch=1)
engine = CompiledEngine(networks=seeded_networks(), **settings)
volume, face = looked_at(engine)
try:
    engine.prepare(volume, face.keypoints)
except ConfigError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_frames_are_those_of_the_eager_engine(networks: dict[str, nn.Module], eager: EagerEngine) -> None:
    engine = CompiledEngine(networks=networks, weights=None, device="cpu", dtype="float32", mode="default", batch=1)
    check_pictures(engine, eager, STEPS[:1])


@pytest.mark.slow
def test_without_a_compiler_it_says_so(tmp_path: Path) -> None:
    """In a process of its own: PyTorch looks for compilers once, and keeps what it compiled."""
    environment = os.environ | {"CXX": str(tmp_path / "no-compiler"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_COMPILER],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert "render/engine=compile: torch.compile (mode=default) can't compile W and G" in done.stdout
    assert "needs a C++ compiler" in done.stdout


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"mode": "warp-9"}, "mode=warp-9: expected one of default, "), ({"batch": 0}, "batch=0: expected the number")],
)
def test_what_can_not_be_is_said(networks: dict[str, nn.Module], changed: dict[str, object], message: str) -> None:
    settings = {"weights": None, "device": "cpu", "dtype": "float32", "mode": "default", "batch": 1}
    with pytest.raises(ConfigError, match=message):
        CompiledEngine(networks=networks, **(settings | changed))  # type: ignore[arg-type]
