"""LivePortrait's networks into ONNX by command."""

import inspect
import json
import subprocess
from pathlib import Path

import pytest
from hydra.utils import get_class

from scripts.entry import CONFIG_FOLDER, composed
from tests.render.liveportrait.small_networks import DRIVEN
from tests.script_process import run_script


def export(*overrides: str) -> subprocess.CompletedProcess[str]:
    small = [f"networks.{key}={value}".replace(" ", "") for key, value in DRIVEN.items()]
    return run_script("export_liveportrait", *small, *overrides)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONFIG_FOLDER / "render/engine").glob("*.yaml")))
def test_every_engine_is_built_of_what_its_file_says(name: str) -> None:
    engine = composed("render", ["render=liveportrait", f"render/engine={name}"]).render.engine
    wanted = inspect.signature(get_class(engine._target_)).parameters
    assert set(engine) == {"_target_", *wanted}


@pytest.mark.slow
def test_a_folder_with_a_manifest_comes_out(tmp_path: Path) -> None:
    done = export(f"out='{tmp_path / 'my networks'}'", "opset=20")
    assert done.returncode == 0, done.stderr
    assert "made-up weights" in done.stderr
    manifest = json.loads((tmp_path / "my networks/manifest.json").read_text())
    assert (manifest["opset"], manifest["batch"], manifest["weights"]) == (20, 1, None)
    assert all(graph["max_difference"] < 1e-3 for graph in manifest["graphs"].values())


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    done = export(f"out={tmp_path / 'out'}", f"weights={tmp_path}")
    assert done.returncode == 2
    assert "weights of LivePortrait are missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
