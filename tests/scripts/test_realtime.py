"""The two commands of live use, run for real on a tiny untrained model and a drawn face."""

import json
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

import scripts.predict
import scripts.realtime
from scripts.entry import CONFIG_FOLDER, repairable
from scripts.schema import register
from src.errors import CheckpointError
from src.models import motion_model
from src.models.checkpoint import load_checkpoint
from src.models.export import FP32, export_step
from src.motion import Motion


def composed(script: str, *overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose(script, [*overrides])


def realtime(inputs: Path, out: Path, *more: str) -> dict:
    """Run the script in this process and read its report."""
    overrides = (
        f"checkpoint='{inputs / 'best.ckpt'}'",
        f"avatar='{inputs / 'avatar'}'",
        f"source='{inputs / 'speech.wav'}'",
        f"out='{out}'",
        "render.size=256",
        "evaluate=false",
        "num_threads=2",
    )
    scripts.realtime.main(composed("realtime", *overrides, *more))
    return json.loads((out / "report.json").read_text())


def test_predict_writes_the_motion_of_the_recording(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "motion.npz"
    scripts.predict.main(
        composed("predict", f"checkpoint='{inputs / 'best.ckpt'}'", f"audio='{inputs / 'speech.wav'}'", f"out='{out}'")
    )
    motion = Motion.load(out)
    assert len(motion) == 25
    with np.load(out) as stored:
        assert {"values", "names", "fps", "spec"} <= set(stored.files)


@pytest.mark.parametrize("clock", ["virtual", "wall"])
def test_realtime_writes_a_video_and_the_promised_figures(
    clock: str, inputs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        report = realtime(inputs, tmp_path / "out", f"clock={clock}")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["report.html", "report.json", "talking.mp4"]
    assert report["frames"] + report["dropped"] == 25
    assert set(report["latency_ms"]) >= {"p50", "p95", "p99"}
    assert report["av_offset_ms"] is None
    assert report["av_offset_ms_reason"] == "evaluate=false"
    assert {"fps", "repeated", "stages_ms", "machine", "inputs", "seed"} <= set(report)
    assert report["algorithmic_latency_ms"]["total"] == pytest.approx(102.5)
    assert "algorithmic latency 102.5 ms" in caplog.text
    if clock == "virtual":
        assert (report["fps"], report["dropped"], report["repeated"]) == (25.0, 0, 0)


def test_an_exported_model_speaks_like_its_checkpoint(inputs: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="exporting is an extra")
    exported = tmp_path / "model.onnx"
    export_step(load_checkpoint(inputs / "best.ckpt"), exported, FP32)
    report = realtime(inputs, tmp_path / "live", f"checkpoint='{exported}'", "clock=virtual")
    assert report["frames"] == 25
    assert report["inputs"]["checkpoint"]["path"] == str(exported)
    motions = []
    for model in (inputs / "best.ckpt", exported):
        out = tmp_path / f"{model.stem}.npz"
        scripts.predict.main(
            composed("predict", f"checkpoint='{model}'", f"audio='{inputs / 'speech.wav'}'", f"out='{out}'")
        )
        motions.append(Motion.load(out).values)
    np.testing.assert_allclose(motions[1], motions[0], rtol=0, atol=1e-4)


def test_without_more_the_model_and_the_portrait_of_the_program_speak(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mediapipe", reason="finding the face of the portrait is an extra")
    monkeypatch.setattr(motion_model, "DEFAULT_FILE", inputs / "best.ckpt")
    monkeypatch.chdir(tmp_path)
    overrides = (f"source='{inputs / 'speech.wav'}'", "render.size=256", "evaluate=false", "clock=virtual")
    scripts.realtime.main(composed("realtime", *overrides))
    report = json.loads((tmp_path / "outputs" / "realtime" / "report.json").read_text())
    assert report["frames"] == 25
    assert report["inputs"]["avatar"]["path"] == "builtin"
    assert len(report["inputs"]["avatar"]["sha256"]) == 64


def test_a_program_without_its_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion_model, "DEFAULT_FILE", tmp_path / "default_public.onnx")
    with pytest.raises(CheckpointError, match=r"checkpoint=default: the model of the program, .* is missing"):
        motion_model.model_path("default")


def test_the_virtual_clock_writes_the_same_video_twice(inputs: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        realtime(inputs, tmp_path / name, "clock=virtual")
    assert (tmp_path / "one" / "talking.mp4").read_bytes() == (tmp_path / "two" / "talking.mp4").read_bytes()


@pytest.mark.parametrize("choice", ["realtime/idle=still", "realtime/sink=window", "clock=virtual", "clock=wall"])
def test_every_choice_of_the_configuration_can_be_built(choice: str, tmp_path: Path) -> None:
    config = composed("realtime", choice, "checkpoint=a", "avatar=b", "source=c", f"out='{tmp_path}'")
    for part in ("idle", "sink", "clock", "session"):
        assert instantiate(config[part]) is not None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("checkpoint=none.ckpt", "none.ckpt: no such checkpoint"),
        ("checkpoint=none.onnx", "none.onnx: no such model"),
        ("speaker=eve", "speaker=eve: the model knows no speakers. Leave it out."),
        ("avatar=nowhere", "nowhere"),
        ("source=none.wav", "none.wav: no such file"),
        ("session.timing.playout_delay_ms=50", "playout_delay_ms=50 is too short"),
        ("sesion.playout_delay_ms=50", "sesion"),
    ],
)
def test_bad_input_is_one_message_and_nothing_written(
    override: str, message: str, inputs: Path, tmp_path: Path
) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is, `repairable` must find the message
        realtime(inputs, tmp_path / "out", override, "clock=virtual")
    assert message in (repairable(raised.value) or "")
    assert not (tmp_path / "out").exists()
