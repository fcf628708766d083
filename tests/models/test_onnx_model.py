"""Exported files are checked when they are read, and streams of one session do not touch each other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.errors import CheckpointError
from src.models.export import FP32, export_step, export_with_front_end
from src.models.motion_model import TorchModel, load_model
from src.models.onnx_header import HEADER_KEY
from src.models.onnx_model import OnnxGraph, OnnxModel
from tests.models.small_networks import small_checkpoint
from tests.realtime.test_predictor import noise

onnx = pytest.importorskip("onnx", reason="exporting is an extra")
pytest.importorskip("onnxscript", reason="exporting is an extra")
pytestmark = pytest.mark.usefixtures("quick_exports")

SPEAKERS = ("anna", "ben", "carl")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with best.ckpt, model.onnx and model.pcm.onnx; the network knows three speakers."""
    folder = tmp_path_factory.mktemp("files")
    checkpoint = small_checkpoint(folder / "best.ckpt", speakers=SPEAKERS)
    export_step(checkpoint, folder / "model.onnx", FP32)
    export_with_front_end(checkpoint, folder / "model.pcm.onnx", FP32)
    return folder


def changed(source: Path, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a file with another header."""
    model = onnx.load(str(source))
    header = json.loads(next(entry.value for entry in model.metadata_props if entry.key == HEADER_KEY))
    change(header)
    onnx.helper.set_model_props(model, {HEADER_KEY: json.dumps(header)})
    onnx.save(model, str(path))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as raised:
        load_model(path)
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_both_kinds_of_file_give_the_same_motion(files: Path) -> None:
    one, other = load_model(files / "best.ckpt"), load_model(files / "model.onnx")
    assert isinstance(one, TorchModel)
    assert isinstance(other, OnnxModel)
    rows = one.contract.build_features().extract_frames(noise(20_000))
    for speaker in range(len(SPEAKERS) + 1):
        np.testing.assert_allclose(other.whole(rows, speaker), one.whole(rows, speaker), rtol=0, atol=1e-4)
    assert np.abs(other.whole(rows, 1) - other.whole(rows, 2)).max() > 1e-3, "styles that change nothing prove nothing"
    np.testing.assert_array_equal(one.silence, other.silence)


def test_a_graph_with_a_front_end_speaks_in_every_style(files: Path) -> None:
    graph = OnnxGraph.load(files / "model.pcm.onnx")
    first = [graph.step(noise(640)[None], graph.init_state(speaker))[0] for speaker in range(len(SPEAKERS) + 1)]
    assert len(np.unique(np.array(first)[:, 0, 0], axis=0)) == len(first)


def test_streams_share_the_session_and_nothing_else(files: Path) -> None:
    model = load_model(files / "model.onnx")
    rows = model.contract.build_features().extract_frames(noise(20_000))
    kept = model.init_state(0)
    before = [array.copy() for array in kept]
    alone, _ = model.step(rows, kept)
    one, other = model.init_state(0), model.init_state(2)
    mixed = []
    for row in rows:
        frame, one = model.step(row[None], one)
        _, other = model.step(-row[None], other)
        mixed.append(frame[0])
    np.testing.assert_array_equal(np.array(mixed), alone)
    for array, copy in zip(kept, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_file_with_a_front_end_is_not_taken_for_a_step_model(files: Path) -> None:
    assert "takes sound in blocks of 640 samples" in refusal(files / "model.pcm.onnx")


def test_files_that_are_none_are_refused_in_words(files: Path, tmp_path: Path) -> None:
    assert "no such model" in refusal(tmp_path / "none.onnx")
    content = (files / "model.onnx").read_bytes()
    for name, wrong in {"text": b"hello", "empty": b"", "cut": content[: len(content) // 2]}.items():
        (tmp_path / f"{name}.onnx").write_bytes(wrong)
        assert "readable ONNX file" in refusal(tmp_path / f"{name}.onnx")


def test_a_foreign_onnx_file_has_no_contract(files: Path, tmp_path: Path) -> None:
    model = onnx.load(str(files / "model.onnx"))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "foreign.onnx"))
    assert "no contract inside" in refusal(tmp_path / "foreign.onnx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header.update(version=9), "its header has version 9, this program reads version 1"),
        (lambda header: header.pop("states"), "its header has version 1"),
        (lambda header: header["contract"].update(version=1), "contract of version 1"),
        (lambda header: header["contract"].update(fps=30.0), "30 motion frames per second"),
        (lambda header: header["contract"].update(spec_name="flame"), "motion spec 'flame'"),
        (lambda header: header["contract"].update(features_hash="0" * 16), "trained on features with hash 00000000"),
        (lambda header: header["contract"]["features"].update(_target_="os.system"), "asks for the class 'os.system'"),
        (lambda header: header["states"][0].update(shape=[1, 2, 3]), "state_0 1x2x3"),
        (lambda header: header["states"].pop(), "its inputs are features 1x1x80"),
        (lambda header: header["silence"].pop(), "its header says features 1x1x79"),
        (lambda header: header.update(states=[{"name": "state_0"}]), "its header is incomplete"),
        (lambda header: header.update(contract=[]), "its header is incomplete"),
    ],
)
def test_a_header_that_does_not_fit_is_refused_in_words(
    change: Callable[[dict[str, Any]], None], message: str, files: Path, tmp_path: Path
) -> None:
    assert message in refusal(changed(files / "model.onnx", tmp_path / "changed.onnx", change))
