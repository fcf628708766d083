"""Exported networks hold standard operators only, and are nothing or whole."""

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn

from src.errors import CheckpointError, ConfigError
from src.files import sha256_of
from src.render.liveportrait.onnx_export import export_networks
from src.render.liveportrait.onnx_files import GRAPHS, MANIFEST, Manifest, read_manifest
from tests.render.liveportrait.small_networks import seeded_networks

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("single_threaded", "quick_exports")]

SETTINGS: dict[str, Any] = {"weights": None, "opset": 18, "batch": 2, "tolerance": 1e-3, "seed": 1}


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "networks")


def test_the_manifest_says_what_the_files_are(exported: Path) -> None:
    manifest = read_manifest(exported)
    assert set(manifest.graphs) == set(GRAPHS)
    assert {path.name for path in exported.iterdir()} == {MANIFEST, *(f"{name}.onnx" for name in GRAPHS)}
    assert (manifest.opset, manifest.batch, manifest.weights) == (18, 2, None)
    for record in manifest.graphs.values():
        assert record.sha256 == sha256_of(exported / record.file)
        # Networks in float32, with folded weights and sums in another order: far below what is asked.
        assert 0 <= record.max_difference < 1e-4
    frame = manifest.graphs["frame"]
    assert frame.inputs["driving"] == [2, 21, 3]
    assert frame.outputs == {"drawn": [2, 3, 512, 512], "rgb": [2, 512, 512, 3]}


def test_only_standard_operators_and_fixed_shapes(exported: Path) -> None:
    for name in GRAPHS:
        model = onnx.load(exported / f"{name}.onnx")
        onnx.checker.check_model(model, full_check=True)
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
        assert not model.functions
        for node in model.graph.node:
            assert node.domain == ""
            onnx.defs.get_schema(node.op_type, 18, "")  # raises for what the standard doesn't know
        for value in (*model.graph.input, *model.graph.output):
            assert all(axis.HasField("dim_value") for axis in value.type.tensor_type.shape.dim)


def test_sampling_is_in_2d(exported: Path) -> None:
    """5-D GridSample is what CUDA and TensorRT lack."""
    model = onnx.shape_inference.infer_shapes(onnx.load(exported / "frame.onnx"))
    known = (*model.graph.value_info, *model.graph.input)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in known}
    samplings = [node for node in model.graph.node if node.op_type == "GridSample"]
    assert samplings
    assert {ranks[name] for node in samplings for name in node.input} == {4}


def test_a_file_that_differs_leaves_the_old_folder(networks: dict[str, nn.Module], copied: Path) -> None:
    before = sha256_of(copied)
    with pytest.raises(CheckpointError, match=r"appearance.onnx: differs from PyTorch by .*tolerance=0"):
        export_networks(networks, copied, **(SETTINGS | {"tolerance": 0.0}))
    assert sha256_of(copied) == before
    assert [path.name for path in copied.parent.iterdir()] == ["networks"]


def test_nan_is_a_difference(tmp_path: Path) -> None:
    broken = seeded_networks()
    with torch.no_grad():
        next(broken["appearance_feature_extractor"].parameters()).fill_(float("nan"))
    with pytest.raises(CheckpointError, match="differs from PyTorch by nan"):
        export_networks(broken, tmp_path / "out", **SETTINGS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"opset": 11}, "opset=11: expected 18 .. 20"),
        ({"batch": 0}, "batch=0: expected the number of pictures"),
    ],
)
def test_what_can_not_be_is_said(
    networks: dict[str, nn.Module], changed: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        export_networks(networks, tmp_path / "out", **(SETTINGS | changed))


def test_a_folder_of_others_is_not_replaced(networks: dict[str, nn.Module], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my only copy")
    with pytest.raises(ConfigError, match="holds something else"):
        export_networks(networks, tmp_path, **SETTINGS)
    assert (tmp_path / "thesis.txt").read_text() == "my only copy"


def test_a_damaged_folder_is_refused(copied: Path) -> None:
    (copied / "eye.onnx").write_bytes(b"half")
    with pytest.raises(CheckpointError, match=r"eye.onnx: not the file that manifest.json describes"):
        read_manifest(copied)
    (copied / "eye.onnx").unlink()
    with pytest.raises(CheckpointError, match=r"eye.onnx: no such file"):
        read_manifest(copied)
    (copied / MANIFEST).unlink()
    with pytest.raises(CheckpointError, match=r"manifest.json: no such file. Export again"):
        read_manifest(copied)


@pytest.mark.parametrize("change", [{"format": 2}, {"graphs": {}}, {"batch": None, "surprise": 1}])
def test_a_strange_manifest_is_refused(copied: Path, change: dict[str, Any]) -> None:
    content = json.loads((copied / MANIFEST).read_text())
    (copied / MANIFEST).write_text(json.dumps(content | change))
    with pytest.raises(CheckpointError, match="Export again"):
        read_manifest(copied)


def test_the_manifest_comes_back_as_it_was(exported: Path) -> None:
    manifest: Manifest = read_manifest(exported)
    assert json.loads((exported / MANIFEST).read_text()) == manifest.to_json()
