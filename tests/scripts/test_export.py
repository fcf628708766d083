"""The command that exports writes its files, compares them with PyTorch, and refuses those that are too far."""

import json
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import scripts.export
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.errors import CheckpointError, ConfigError
from src.models.onnx_model import OnnxGraph

pytest.importorskip("onnxscript", reason="exporting is an extra")
pytestmark = pytest.mark.usefixtures("quick_exports")


def export(inputs: Path, out: Path, *overrides: str) -> dict:
    register()
    given = [f"checkpoint='{inputs / 'best.ckpt'}'", f"out='{out}'", "seconds=2", *overrides]
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        scripts.export.main(compose("export", overrides=given))
    return json.loads((out / "parity.json").read_text())


def test_files_and_their_parity_are_written(inputs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        report = export(inputs, tmp_path / "out", f"audio='{inputs / 'speech.wav'}'", "name=tiny")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["parity.json", "tiny.onnx", "tiny.pcm.onnx"]
    assert set(report["files"]) == {"tiny.onnx", "tiny.pcm.onnx"}
    for name, file in report["files"].items():
        assert 0 < file["worst"] <= 1e-4
        assert file["frames"] == 25
        assert (
            set(file["of_range"])
            == set(file["absolute"])
            == set(OnnxGraph.load(tmp_path / "out" / name).header.contract.channels)
        )
        assert name in caplog.text
    assert report["algorithmic_latency_ms"]["total"] == pytest.approx(102.5)
    assert OnnxGraph.load(tmp_path / "out" / "tiny.onnx").header.checkpoint_sha256 == report["checkpoint"]["sha256"]


def test_variants_have_their_own_files_and_figures(inputs: Path, tmp_path: Path) -> None:
    report = export(inputs, tmp_path, "variants=[int8]", "front_end=false")
    assert set(report["files"]) == {"model.int8.onnx"}
    assert report["files"]["model.int8.onnx"]["worst"] > 1e-4, "another precision, told and allowed"


def test_a_file_too_far_from_pytorch_ends_with_exit_code_2(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    arguments = [f"checkpoint='{inputs / 'best.ckpt'}'", f"out='{tmp_path / 'out'}'", "seconds=2", "front_end=false"]
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # `run` changes it, and other tests start scripts
    monkeypatch.setattr(sys, "argv", ["export", *arguments, "tolerance=1e-12"])
    with pytest.raises(SystemExit) as ended:
        scripts.export.run(scripts.export.main, "export")
    assert ended.value.code == 2
    assert "differs from PyTorch by" in capsys.readouterr().err
    assert (tmp_path / "out" / "parity.json").is_file()


def test_unknown_variants_and_missing_checkpoints_are_said_plainly(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose of fp32, fp16, int8"):
        export(inputs, tmp_path, "variants=[int4]")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        export(inputs, tmp_path, "checkpoint=none.ckpt")
