"""The harness runs for real on a real face: its promises hold, and a stream in virtual time is always the same."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

import scripts.entry
import scripts.realtime_eval
from scripts.entry import CONFIG_FOLDER
from scripts.live import cast_for
from scripts.live_runs import Stage, barge_ins
from scripts.schema import register
from scripts.speech_like import speech_like
from src.errors import ConfigError
from src.motion import CORE7, Motion
from tests.realtime.sources.test_file import write_wav

PROMISED = {
    "fps", "deadline_miss_rate", "latency_ms", "first_frame_ms", "av_offset_ms", "drift_ms_per_hour", "interrupt_ms",
    "silence_stability", "lip_r_offline", "rss_mb_start", "rss_mb_end",
}  # fmt: skip


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose("realtime_eval", ["render=mesh_256", "num_threads=1", *overrides])


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of 4 and 3 s in a folder; the first ends in silence."""
    folder = tmp_path_factory.mktemp("speech")
    write_wav(folder / "a.wav", np.concatenate([speech_like(3.0, 16_000, 1), np.zeros(16_000, np.float32)]))
    write_wav(folder / "b.wav", speech_like(3.0, 16_000, 2))
    return folder


@pytest.fixture(scope="module")
def evaluated(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The report of a run on a real face, and its folder."""
    wandb = pytest.importorskip("wandb", reason="wandb is an extra")
    out = tmp_path_factory.mktemp("eval")
    overrides = ["checkpoint=default", f"audio='{speech}'", f"out='{out}'", "calibrate_s=4", "interruptions.most=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_API_KEY", raising=False)
        scripts.realtime_eval.main(composed(*overrides, "bootstrap_draws=50", "wandb.log=true"))
    wandb.teardown()  # it reads the environment once in a process, and other tests set it otherwise
    return json.loads((out / "report.json").read_text("utf-8")), out


def test_the_report_has_what_was_promised(evaluated: tuple[dict[str, Any], Path]) -> None:
    record, out = evaluated
    assert set(record) >= PROMISED
    assert record["fps"] == 25
    assert record["deadline_miss_rate"] == 0
    assert record["latency_ms"]["p95"] < 120
    assert record["first_frame_ms"] < 250
    assert abs(record["av_offset_ms"]) < 20
    assert record["lip_r_offline"] > 0.8
    assert record["interrupt_ms"] <= 80
    assert record["drift"]["is_extrapolated"]
    assert [one["name"] for one in record["recordings"]] == ["a", "b"]
    assert all(one["sound_similarity"] > 0.99 for one in record["recordings"])
    assert all(one["psnr_moving"] > 30 for one in record["recordings"])
    assert (out / "recordings" / "a.mp4").is_file()


def test_the_harness_reads_what_is_known(evaluated: tuple[dict[str, Any], Path]) -> None:
    record, _ = evaluated
    plain, moved = record["calibration"]["readings"]
    assert plain["clicks_ms"] == pytest.approx(0, abs=5)
    assert plain["curves_ms"] == pytest.approx(0, abs=5)
    assert moved["clicks_ms"] == pytest.approx(-80, abs=5)
    assert moved["curves_ms"] == pytest.approx(-80, abs=5)
    assert record["calibration"]["is_right"]


def test_what_was_shown_stands_beside_its_controls(evaluated: tuple[dict[str, Any], Path]) -> None:
    rows = evaluated[0]["rows"]
    assert set(rows) >= {"model", "truth", "shuffled", "loudness", "mean_pose", "shifted_+80", "shifted_-80"}
    r = {name: row["figures"]["pearson_r"]["value"] for name, row in rows.items()}
    assert r["truth"] == pytest.approx(1)
    assert r["model"] > max(r["shuffled"], r["loudness"], r["shifted_+80"])
    assert rows["mean_pose"]["figures"]["silence_stability"]["value"] == 1


def test_the_page_has_everything_inside(evaluated: tuple[dict[str, Any], Path]) -> None:
    html = (evaluated[1] / "report.html").read_text("utf-8")
    for words in ("Is the harness right?", "Interruptions", "Memory over time", "A/V offset over time", "Targets",
                  "needs clock=wall", "Shuffled audio", "data:video/mp4;base64,"):  # fmt: skip
        assert words in html
    assert 'src="http' not in html


def test_figures_go_to_weights_and_biases_with_the_checkpoint_that_they_are_of(
    evaluated: tuple[dict[str, Any], Path],
) -> None:
    from tests.scripts.wandb_record import read

    record, out = evaluated
    (path,) = out.glob("wandb/offline-run-*/*.wandb")
    logged = read(path)
    assert logged.summary["live/lip_r_offline"] == record["lip_r_offline"]
    assert logged.summary["live/calibrated"] is True
    (used,) = logged.artifacts_of("model")
    assert used.use_after_commit
    assert record["inputs"]["checkpoint"]["sha256"] in used.metadata
    assert "a.wav" not in path.read_bytes().decode("latin-1")


def test_a_reference_is_another_set_of_rows(
    evaluated: tuple[dict[str, Any], Path], speech: Path, tmp_path: Path
) -> None:
    said_it = evaluated[1] / "recordings" / "b.mp4"
    scripts.realtime_eval.main(
        composed(
            "checkpoint=default", f"audio='{speech / 'b.wav'}'", f"reference='{said_it}'", f"out='{tmp_path}'",
            "calibrate_s=0", "interruptions.most=0", "bootstrap_draws=50",
        )
    )  # fmt: skip
    record = json.loads((tmp_path / "report.json").read_text("utf-8"))
    rows = record["reference_rows"]
    assert rows["model"]["figures"]["pearson_r"]["value"] > 0.99
    assert rows["offline"]["figures"]["pearson_r"]["value"] == pytest.approx(record["lip_r_offline"], abs=0.02)
    assert record["calibration"] is None
    assert (record["interrupt_ms"], record["interrupt_ms_reason"]) == (None, "nobody interrupted")
    # The second run of the same recording is the first one again, bit for bit.
    assert record["recordings"][0]["stream_sha256"] == evaluated[0]["recordings"][1]["stream_sha256"]
    assert (tmp_path / "recordings" / "b.mp4").read_bytes() == said_it.read_bytes()


@pytest.fixture
def stage(inputs: Path, tmp_path: Path) -> Stage:
    config = composed(
        f"checkpoint='{inputs / 'best.ckpt'}'", f"avatar='{inputs / 'avatar'}'", "audio=unused", f"out='{tmp_path}'"
    )
    return Stage(config, cast_for(config).animator, tmp_path)


def test_chunks_of_another_size_are_the_same_speech(stage: Stage, inputs: Path) -> None:
    frames = {}
    for chunk_ms in (10.0, 17.0):
        stage.config.chunk_ms = chunk_ms
        frames[chunk_ms] = stage.recording(f"{chunk_ms:g}", inputs / "speech.wav").figures.frames
    assert frames[10.0] == pytest.approx(frames[17.0], abs=1)


def test_a_fault_is_of_the_recordings_only(inputs: Path, tmp_path: Path) -> None:
    config = composed(
        f"checkpoint='{inputs / 'best.ckpt'}'", f"avatar='{inputs / 'avatar'}'", "audio=unused", f"out='{tmp_path}'",
        "realtime/fault=stall", "fault.drawing.0.pictures=[5]",
    )  # fmt: skip
    stage = Stage(config, cast_for(config).animator, tmp_path)
    assert stage.recording("speech", inputs / "speech.wav").figures.dropped in (5, 6)
    clicks, _ = stage.clicks("clicks", 4.0)
    assert clicks.figures.dropped == 0


def test_barge_ins_come_when_the_widest_mouth_is_on_screen() -> None:
    values = np.zeros((110, CORE7.size), np.float32)
    values[[10, 60, 90], 0] = 0.3
    found = barge_ins(Motion(values, CORE7, 25.0), delay_s=0.15, pause_s=1.0, every_s=2.0, most=6)
    assert found == pytest.approx([10.5 / 25 + 0.15, 60.5 / 25 + 1.15])


def test_a_renderer_without_a_face_says_so(inputs: Path, speech: Path, tmp_path: Path) -> None:
    config = composed(
        f"checkpoint='{inputs / 'best.ckpt'}'", f"avatar='{inputs / 'avatar'}'", f"audio='{speech / 'b.wav'}'",
        f"out='{tmp_path}'", "calibrate_s=4", "interruptions.most=1",
    )  # fmt: skip
    config.render = {"_target_": "src.realtime.calibration.FlashRenderer", "size": 64}
    scripts.realtime_eval.main(config)
    record = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert record["lip_r_offline"] is None
    assert "no face" in record["lip_r_offline_reason"]
    assert "no face" in record["interrupt_ms_reason"]
    assert not record["calibration"]["is_right"]
    assert "no face" in (tmp_path / "report.html").read_text("utf-8")


def test_a_matrix_has_a_folder_for_each_run_and_a_table_over_them(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "matrix"
    command = [
        "realtime_eval", "--multirun", "chunk_ms=10,17", "render=mesh_256", f"checkpoint='{inputs / 'best.ckpt'}'",
        f"avatar='{inputs / 'avatar'}'", f"audio='{inputs / 'speech.wav'}'", f"out='{out}'", "calibrate_s=0",
        "interruptions.most=0",
    ]  # fmt: skip
    monkeypatch.setattr("sys.argv", command)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr("scripts.entry.configure_logging", lambda: None)
    scripts.entry.run(scripts.realtime_eval.main, "realtime_eval")
    chunks = [json.loads((out / name / "report.json").read_text("utf-8"))["chunk_ms"] for name in ("0", "1")]
    assert chunks == [10, 17]
    html = (out / "matrix.html").read_text("utf-8")
    assert "chunk_ms" in html
    assert "2 runs in virtual time" in html


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["audio='{empty}'"], "no recording in this folder"),
        (["audio='{speech}'", "reference='{speech}/a.wav'"], "one video for 2 recordings"),
        (["audio='{speech}'", "reference='{empty}'"], "no video of a, b"),
    ],
)
def test_what_is_missing_is_said_before_any_work(
    overrides: list[str], words: str, speech: Path, tmp_path: Path
) -> None:
    given = [one.format(speech=speech, empty=tmp_path) for one in overrides]
    with pytest.raises(ConfigError, match=words):
        scripts.realtime_eval.main(composed("checkpoint=default", *given))
