"""Evaluation of a tiny model: every row by one code path, honest gaps, and figures that can be had again."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from scripts import evaluate
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.data.store import Store, write_manifest
from src.errors import Audio2MotionError, CheckpointError, ConfigError
from src.eval.clip_figures import FIGURES
from src.files import sha256_of
from src.motion import ARKIT55
from tests.eval.speaking import speaking
from tests.tiny_store import write_tiny_store

SPLITS = {"ann": "train", "bob": "val", "cid": "test", "dee": "test", "eve": "test"}


def tiny_store(folder: Path, splits: dict[str, str], **options: Any) -> Path:
    store = write_tiny_store(folder, {name: [60, 45] for name in splits}, **options)
    write_manifest(folder, store.clips, {clip.clip_id: splits[clip.speaker] for clip in store.clips})
    return folder


def evaluated(checkpoint: Path, store: Path, out: Path, *overrides: str) -> dict[str, Any]:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        given = ["eval.bootstrap_draws=50", "eval.shuffle_draws=2", "eval.sync_expert=null", f"out='{out}'"]
        config = compose("evaluate", [f"checkpoint='{checkpoint}'", f"data.store='{store}'", *given, *overrides])
        evaluate.main(config)
    record: dict[str, Any] = json.loads((out / "metrics.json").read_text("utf-8"))
    return record


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_store(tmp_path_factory.mktemp("store"), SPLITS)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def record(inputs: Path, store: Path, evaluation: Path) -> dict[str, Any]:
    return evaluated(inputs / "best.ckpt", store, evaluation)


def test_every_row_stands_beside_the_model_and_has_every_figure(record: dict[str, Any]) -> None:
    assert list(record["rows"]) == [
        "model", "truth", "energy", "mean_pose", "shuffled", "shifted_-120", "shifted_-40", "shifted_+40",
        "shifted_+120",
    ]  # fmt: skip
    for row in record["rows"].values():
        assert list(row["figures"]) == list(FIGURES)
        for figure in row["figures"].values():
            assert set(figure) == {"value", "low", "high", "clips", "speakers", "reason"}
            assert figure["value"] is not None or figure["reason"]


def test_every_figure_is_explained(record: dict[str, Any]) -> None:
    used = {name for row in record["rows"].values() for name in row["figures"]}
    for part in record["slices"].values():
        used |= {name for group in part["groups"].values() for name in group["figures"]}
    assert used == set(record["metrics"])
    for metric in record["metrics"].values():
        assert metric["definition"]
        assert metric["pooling"]


def test_the_page_shows_the_model_beside_its_controls(record: dict[str, Any], evaluation: Path) -> None:
    page = (evaluation / "report.html").read_text("utf-8")
    for row in record["rows"].values():
        assert row["label"] in page
    assert record["checkpoint"]["sha256"] in page


def test_curves_are_of_the_worst_the_middle_and_the_best_clips_once_each() -> None:
    cases = [speaking(seed, num_frames=40) for seed in range(6)]
    clips = [{"clip_id": case.clip_id, "figures": {"pearson_r": place / 10}} for place, case in enumerate(cases)]
    clips.append({"clip_id": "unknown", "figures": {"pearson_r": None}})
    found = evaluate.shown_curves(clips, cases, {"worst": 2, "median": 2, "best": 1})
    assert [(one.place, one.clip_id) for one in found] == [
        ("worst", "clip0"), ("worst", "clip1"), ("median", "clip2"), ("median", "clip3"), ("best", "clip5"),
    ]  # fmt: skip
    few = evaluate.shown_curves(clips[:2], cases, {"worst": 4, "median": 2, "best": 2})
    assert [(one.place, one.clip_id) for one in few] == [("worst", "clip0"), ("worst", "clip1")]


def test_controls_behave(record: dict[str, Any]) -> None:
    def figures(row: str, metric: str) -> Any:
        return record["rows"][row]["figures"][metric]["value"]

    assert figures("truth", "pearson_r") == pytest.approx(1.0)
    assert figures("truth", "lip_mae") == 0.0
    assert figures("mean_pose", "pearson_r") is None
    assert figures("shifted_+120", "lag") == pytest.approx(120.0, abs=5.0)
    assert figures("shifted_-40", "lag") == pytest.approx(-40.0, abs=5.0)
    # The jaw of this store follows the loudness, which is all that this row listens to.
    assert figures("energy", "pearson_r") > 0.8


def test_what_can_not_be_measured_is_named_with_its_reason(record: dict[str, Any]) -> None:
    absent = {item["id"]: item["reason"] for item in record["absent"]}
    assert "two are needed" in absent["diversity"]
    assert "scripts.data_card" in absent["noise_floor"]
    assert "keep_landmarks=true" in absent["lve_squared"]
    assert not set(absent) & (set(record["metrics"]) | set(record["rows"]))


def test_clips_are_those_of_the_part_the_worst_first(record: dict[str, Any]) -> None:
    assert {clip["speaker"] for clip in record["clips"]} == {"cid", "dee", "eve"}
    r = [clip["figures"]["pearson_r"] for clip in record["clips"]]
    assert r == sorted(r)
    assert {clip["frames"] for clip in record["clips"]} == {57, 42}
    assert {clip["total_frames"] for clip in record["clips"]} == {60, 45}


def test_slices_and_differences_are_of_the_same_clips(record: dict[str, Any]) -> None:
    assert set(record["slices"]) == {"channel", "speaker", "language", "length", "sound"}
    assert list(record["slices"]["speaker"]["groups"]) == ["cid", "dee", "eve"]
    difference = record["differences"]["energy"]["pearson_r"]
    rows = record["rows"]
    apart = rows["model"]["figures"]["pearson_r"]["value"] - rows["energy"]["figures"]["pearson_r"]["value"]
    assert difference["value"] == pytest.approx(apart)
    assert difference["clips"] == 6


def test_the_record_says_where_it_comes_from(record: dict[str, Any], inputs: Path, store: Path) -> None:
    assert record["checkpoint"]["sha256"] == sha256_of(inputs / "best.ckpt")
    assert record["checkpoint"]["latency_ms"]["total"] > 0
    assert record["data"]["content_hash"] == Store.open(store).content_hash
    assert record["data"]["alignment"].startswith("defaults of training")
    assert record["machine"]["packages"]["numpy"] == np.__version__
    assert record["config"]["split"] == "test"


def test_the_same_command_gives_the_same_figures(
    record: dict[str, Any], inputs: Path, store: Path, tmp_path: Path
) -> None:
    again = evaluated(inputs / "best.ckpt", store, tmp_path)
    assert again["rows"] == record["rows"]
    assert again["differences"] == record["differences"]


def test_data_are_taken_as_the_run_beside_the_checkpoint_took_them(inputs: Path, store: Path, tmp_path: Path) -> None:
    shutil.copy(inputs / "best.ckpt", tmp_path / "best.ckpt")
    run = {"data": {"alignment": None, "val_speakers": ["dee"], "min_clip_frames": 50}}
    OmegaConf.save(OmegaConf.create(run), tmp_path / "config.yaml")
    found = evaluated(tmp_path / "best.ckpt", store, tmp_path / "out", "split=val")
    assert [clip["clip_id"] for clip in found["clips"]] == ["dee_0"]
    assert found["data"]["alignment"] == "none (config.yaml of the run)"
    assert found["data"]["left_out"] == 1


def test_a_store_without_a_training_part_has_no_energy_row_and_says_so(inputs: Path, tmp_path: Path) -> None:
    folder = tiny_store(tmp_path / "store", {"cid": "test", "dee": "test"})
    found = evaluated(inputs / "best.ckpt", folder, tmp_path / "out")
    assert "energy" not in found["rows"]
    assert "energy" not in found["differences"]
    assert "mean_pose" in found["rows"]
    absent = {item["id"]: item["reason"] for item in found["absent"]}
    assert absent["energy"] == "the store has no training part to take its statistics from"


@pytest.mark.parametrize(
    ("splits", "override", "message"),
    [
        ({"ann": "train", "bob": "val"}, "split=test", "no test part; it has train, val. Give one of these as `split`"),
        (SPLITS, "split=dev", "split=dev: a store has the parts train, val, test"),
    ],
)
def test_a_part_that_is_not_there_is_an_error_that_names_those_that_are(
    inputs: Path, tmp_path: Path, splits: dict[str, str], override: str, message: str
) -> None:
    folder = tiny_store(tmp_path / "store", splits)
    with pytest.raises(ConfigError, match=message):
        evaluated(inputs / "best.ckpt", folder, tmp_path / "out", override)


def test_a_model_of_another_vocabulary_is_refused_in_words(inputs: Path, tmp_path: Path) -> None:
    folder = tiny_store(tmp_path / "store", SPLITS, specs=(ARKIT55,))
    with pytest.raises(CheckpointError, match=r"best.ckpt: speaks core7:1, the clips of .* hold arkit55:1"):
        evaluated(inputs / "best.ckpt", folder, tmp_path / "out")


def test_a_folder_that_is_no_store_is_refused(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(Audio2MotionError, match="not a prepared store"):
        evaluated(inputs / "best.ckpt", tmp_path, tmp_path / "out")
