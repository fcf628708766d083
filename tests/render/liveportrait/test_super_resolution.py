"""Faces are enlarged by a network from a file."""

from pathlib import Path

import numpy as np
import pytest

from src.errors import CheckpointError
from src.render.liveportrait.super_resolution import OnnxSuperResolution

onnx = pytest.importorskip("onnx", reason="exporting is an extra")
CPU = ["CPUExecutionProvider"]


def saved(path: Path, kind: int = 1, rank: int = 4) -> Path:
    """A network that repeats every pixel twice, of one input with this type and rank."""
    helper = onnx.helper
    shape = [1, 3, 512, 512][:rank]
    scales = helper.make_tensor("scales", onnx.TensorProto.FLOAT, [rank], [1.0, 1.0, 2.0, 2.0][:rank])
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")
    graph = helper.make_graph(
        [node],
        "enlarge",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, None)],
        [scales],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def test_pictures_become_larger(tmp_path: Path) -> None:
    face = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    larger = OnnxSuperResolution(path=saved(tmp_path / "twice.onnx"), providers=CPU)(face)
    assert larger.shape == (1024, 1024, 3)
    np.testing.assert_array_equal(larger[::2, ::2], face)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"broken.onnx: can't be used for super-resolution"):
        OnnxSuperResolution(path=tmp_path / "broken.onnx", providers=CPU)
    with pytest.raises(CheckpointError, match=r"expected one, float of \(1, 3, H, W\)"):
        OnnxSuperResolution(path=saved(tmp_path / "flat.onnx", rank=3), providers=CPU)
    network = OnnxSuperResolution(path=saved(tmp_path / "twice.onnx"), providers=CPU)
    with pytest.raises(CheckpointError, match="refuses a picture of 64 x 64 pixels"):
        network(np.zeros((64, 64, 3), np.uint8))
