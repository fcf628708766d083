"""PyTorch, the exported step and the graph with its front end give one motion."""

from pathlib import Path

import numpy as np
import pytest

from src.errors import CheckpointError, ConfigError
from src.models.export import FP16, FP32, INT8, export_step, export_with_front_end
from src.models.lstm import MotionLSTM
from src.models.network import MotionNetwork
from src.models.onnx_model import OnnxGraph
from src.models.parity import measure_parity, steps_of, stream_graph
from src.models.tcn import CausalTCN
from src.models.transformer import CausalTransformer
from tests.models.small_networks import FEATURES, small_checkpoint
from tests.realtime.test_predictor import noise

pytest.importorskip("onnxscript", reason="exporting is an extra")
pytestmark = pytest.mark.usefixtures("quick_exports")

SOUND = np.concatenate([noise(40_123), np.zeros(12_345, np.float32), noise(20_000), np.zeros(30_000, np.float32)])
"""With a start, pauses of digital silence, and an end."""

EVERY = [
    pytest.param(kind, features, marks=[] if (kind, features) == (CausalTCN, "mel") else [pytest.mark.slow])
    for kind in (CausalTCN, MotionLSTM, CausalTransformer)
    for features in FEATURES
]


@pytest.mark.parametrize(("kind", "features"), EVERY)
def test_the_exported_step_is_pytorch(kind: type[MotionNetwork], features: str, tmp_path: Path) -> None:
    checkpoint = small_checkpoint(tmp_path / "best.ckpt", kind, features)
    export_step(checkpoint, tmp_path / "model.onnx", FP32)
    parity = measure_parity(checkpoint, OnnxGraph.load(tmp_path / "model.onnx"), SOUND)
    assert parity.frames == 160
    assert parity.worst <= 1e-4


@pytest.mark.parametrize(("kind", "features"), EVERY)
def test_sound_in_gives_the_motion_of_features_outside(
    kind: type[MotionNetwork], features: str, tmp_path: Path
) -> None:
    checkpoint = small_checkpoint(tmp_path / "best.ckpt", kind, features)
    export_with_front_end(checkpoint, tmp_path / "model.pcm.onnx", FP32)
    graph = OnnxGraph.load(tmp_path / "model.pcm.onnx")
    parity = measure_parity(checkpoint, graph, SOUND)
    assert parity.frames == 160
    assert parity.worst <= 1e-4
    motion, _ = stream_graph(graph, steps_of(graph, SOUND, FEATURES[features].frame_stream().push(SOUND)))
    assert motion.std(axis=0).min() > 1e-4, "a constant answer would prove nothing"


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    checkpoint = small_checkpoint(tmp_path / "best.ckpt")
    header = export_with_front_end(checkpoint, tmp_path / "model.pcm.onnx", FP32)
    read = OnnxGraph.load(tmp_path / "model.pcm.onnx").header
    assert read == header
    assert read.contract == checkpoint.contract
    assert read.contract.latency_ms == pytest.approx(102.5)
    assert (read.front_end.block_samples, read.front_end.lead_in_samples) == (640, 280)
    assert len(read.checkpoint_sha256) == 64
    assert {"torch", "onnx"} <= set(read.made_with)
    assert read.variant == FP32


@pytest.mark.slow
@pytest.mark.parametrize("kind", [CausalTCN, MotionLSTM, CausalTransformer])
@pytest.mark.parametrize("variant", [FP16, INT8])
def test_small_variants_are_smaller_and_near(variant: str, kind: type[MotionNetwork], tmp_path: Path) -> None:
    checkpoint = small_checkpoint(tmp_path / "best.ckpt", kind, hidden_size=64)
    files = {name: tmp_path / f"{name}.onnx" for name in (FP32, variant)}
    for name, path in files.items():
        export_with_front_end(checkpoint, path, name)
    parity = measure_parity(checkpoint, OnnxGraph.load(files[variant]), SOUND)
    assert 0 < max(parity.of_range.values()) < {FP16: 0.02, INT8: 0.2}[variant]
    assert files[variant].stat().st_size < files[FP32].stat().st_size
    assert OnnxGraph.load(files[variant]).header.variant == variant


def test_what_cannot_be_exported_says_why_and_writes_nothing(tmp_path: Path) -> None:
    checkpoint = small_checkpoint(tmp_path / "best.ckpt")
    with pytest.raises(ConfigError, match="'int4' is unknown. Choose of fp32, fp16, int8"):
        export_step(checkpoint, tmp_path / "x.onnx", "int4")
    offline = small_checkpoint(tmp_path / "both.ckpt", MotionLSTM, bidirectional=True, lookahead_frames=0)
    with pytest.raises(CheckpointError, match=r"both.ckpt: a MotionLSTM that reads .* has no step to export"):
        export_step(offline, tmp_path / "x.onnx", FP32)
    assert not (tmp_path / "x.onnx").exists()


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = small_checkpoint(tmp_path / "best.ckpt")
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r'package onnxscript.*pip install "audio2motion\[export\]"'):
        export_step(checkpoint, tmp_path / "x.onnx", FP32)
