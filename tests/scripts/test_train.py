"""A real run on a tiny store: what it writes, that it repeats, resumes and refuses."""

import csv
import hashlib
import json
import math
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from omegaconf import DictConfig
from pytorch_lightning.callbacks import ModelCheckpoint

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from scripts.train import build, build_trainer, config_text, keep_config, main
from src.data.store import write_manifest
from src.data.windows import Batch
from src.errors import CheckpointError, ConfigError
from src.files import sha256_of
from src.models.checkpoint import load_checkpoint, read_description
from src.motion import ARKIT55, CORE7
from tests.tiny_encoders import write_tiny_encoder
from tests.tiny_store import write_tiny_store

SMALL = [
    "models.net.hidden_size=8",
    "models.net.dilations=[1,2]",
    "data.window_frames=24",
    "data.batch_size=4",
    "data.windows_per_epoch=0",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=2",
    "callbacks=quiet",
    "callbacks.weight_average.decay=0.5",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_tiny_store(folder, {"ann": [70, 45], "bob": [60], "cid": [80]}, specs=(CORE7, ARKIT55))
    return folder


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose("train", overrides=list(overrides))


def train(store: Path, out: Path, *overrides: str) -> dict:
    main(composed(f"data.store={store}", f"out={out}", *SMALL, *overrides))
    return json.loads((out / "metrics.json").read_text())


@pytest.fixture(scope="module")
def finished(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "first"
    train(store, out)
    return out


def test_a_run_leaves_a_checkpoint_metrics_and_config(store: Path, finished: Path) -> None:
    assert {"best.ckpt", "last.ckpt", "metrics.json", "metrics.csv", "config.yaml", "hparams.yaml"} == {
        path.name for path in finished.iterdir()
    }
    metrics = json.loads((finished / "metrics.json").read_text())
    checkpoint = load_checkpoint(finished / "best.ckpt")
    assert metrics["best_epoch"] == checkpoint.epoch
    assert metrics["train"]["clips"] + metrics["val"]["clips"] == 4
    assert metrics["train"]["speakers"] + metrics["val"]["speakers"] == 3
    assert metrics["speaker_disjoint"] is True
    assert metrics["latency_ms"] == {
        "last feature hop of a frame": 10.0,
        "half a feature window": 12.5,
        "look-ahead of the model": 80.0,
        "total": 102.5,
    }
    assert metrics["num_parameters"] == sum(parameter.numel() for parameter in checkpoint.net.parameters())
    assert {"val/lip_r", "val/loss", "val/reconstruction", "val/r_head_yaw"} <= set(metrics)
    assert {"seed", "data_hash", "split_hash", "commit", "aligned_speakers"} <= set(metrics)
    assert checkpoint.contract.latency_ms == 102.5


def test_the_lips_of_all_are_the_mean_of_those_of_clips_and_speakers(store: Path, tmp_path: Path) -> None:
    split = ["data.val_speakers=[ann,bob]", "data.eval_batch_frames=70", "data.min_clip_frames=8"]
    metrics = train(store, tmp_path / "run", *split)
    clips, speakers = metrics["clips"]["val"], metrics["speakers"]["val"]
    assert {name: clip["speaker"] for name, clip in clips.items()} == {"ann_0": "ann", "ann_1": "ann", "bob_0": "bob"}
    assert {name: clip["frames"] for name, clip in clips.items()} == {"ann_0": 67, "ann_1": 42, "bob_0": 57}
    for rows in (clips.values(), speakers.values()):
        for figure in ("lip_r", "lip_std_ratio"):
            mean = sum(row[figure] * row["frames"] for row in rows) / sum(row["frames"] for row in rows)
            assert mean == pytest.approx(metrics[f"val/{figure}"], abs=1e-6)
    assert metrics["val/lip_r_of_speakers"] == pytest.approx((speakers["ann"]["lip_r"] + speakers["bob"]["lip_r"]) / 2)


def test_the_test_part_is_judged_when_asked_for(finished: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    clips = write_tiny_store(store, {"ann": [70, 45], "bob": [60], "cid": [80]}).clips
    write_manifest(store, clips, {"ann_0": "train", "ann_1": "train", "bob_0": "val", "cid_0": "test"})
    metrics = train(store, tmp_path / "run", "test=true")
    assert metrics["speakers"]["test"].keys() == {"cid"}
    assert {"test/lip_r", "test/loss", "test/lip_r_of_speakers"} <= set(metrics)
    assert not any(name.startswith("test/") for name in json.loads((finished / "metrics.json").read_text()))


def test_a_store_without_a_test_part_can_not_be_tested(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the store has no test part"):
        train(store, tmp_path / "run", "test=true", "data.val_speakers=[cid]")


@pytest.mark.parametrize("model", ["mean_pose", "energy"])
def test_a_reference_is_judged_without_training(model: str, store: Path, tmp_path: Path) -> None:
    small = [setting for setting in SMALL if not setting.startswith("models.net")]
    main(composed(f"data.store={store}", f"out={tmp_path}", *small, f"models={model}"))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["num_parameters"] == metrics["epochs"] == 0
    assert load_checkpoint(tmp_path / "best.ckpt").contract.channels == CORE7.names
    if model == "mean_pose":
        assert metrics["val/lip_r"] == 0.0
    else:
        assert metrics["val/lip_r"] > 0.5  # the tiny store's jaw follows loudness


def test_metrics_are_those_of_the_best_epoch_of_the_curves(finished: Path) -> None:
    metrics = json.loads((finished / "metrics.json").read_text())
    with open(finished / "metrics.csv") as file:
        curve = {int(row["epoch"]): float(row["val/lip_r"]) for row in csv.DictReader(file) if row["val/lip_r"]}
    assert metrics["val/lip_r"] == pytest.approx(max(curve.values()), abs=1e-4)
    assert curve[metrics["best_epoch"]] == max(curve.values())


def test_the_checkpoint_names_what_it_was_made_from(finished: Path) -> None:
    metrics = json.loads((finished / "metrics.json").read_text())
    for name in ("best.ckpt", "last.ckpt"):
        origin = read_description(finished / name).origin
        assert origin is not None
        assert origin == {key: metrics[key] for key in origin}
        assert origin.keys() == {"seed", "commit", "data_hash", "split_hash", "guide", "config_sha256"}
    assert origin["config_sha256"] == sha256_of(finished / "config.yaml")
    assert metrics["checkpoint_sha256"] == sha256_of(finished / "best.ckpt")


def test_a_run_that_goes_on_keeps_its_config_and_one_that_goes_on_differently_keeps_both(
    finished: Path, store: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(finished, tmp_path / "first")
    before = yaml.safe_load((out / "config.yaml").read_text()) | {"out": str(out)}
    settings = [f"data.store={store}", f"out={out}", *SMALL]
    keep_config(config_text(composed(*settings), out), out)
    text = (out / "config.yaml").read_text()
    keep_config(config_text(composed(*settings, "resume=true"), out), out)
    assert (out / "config.yaml").read_text() == text
    assert before["data"] == yaml.safe_load(text)["data"]
    keep_config(config_text(composed(*settings, "resume=true", "seed=7"), out), out)
    assert yaml.safe_load((out / "config.yaml").read_text())["seed"] == 7
    assert text in [path.read_text() for path in out.glob("config-*.yaml")]


def test_the_stored_config_is_resolved(finished: Path, store: Path) -> None:
    text = (finished / "config.yaml").read_text()
    config = yaml.safe_load(text)
    assert "${" not in text
    assert config["data"]["store"] == str(store)
    assert config["models"]["net"]["hidden_size"] == 8


def test_a_seed_gives_the_same_run(finished: Path, store: Path, tmp_path: Path) -> None:
    first, second = json.loads((finished / "metrics.json").read_text()), train(store, tmp_path / "run")
    third = train(store, tmp_path / "other", "seed=1")
    for metrics in (first, second):
        for name in ("seconds", "commit", "config_sha256", "checkpoint_sha256"):  # `out` is part of the config
            del metrics[name]
    assert first == second
    assert third["val/loss"] != first["val/loss"]


def test_a_finished_run_is_not_overwritten(finished: Path, store: Path) -> None:
    before = (finished / "best.ckpt").read_bytes()
    with pytest.raises(
        ConfigError, match=r"first: already holds a run \(metrics\.json, .*\)\. Continue it with `resume=true`"
    ):
        train(store, finished)
    assert (finished / "best.ckpt").read_bytes() == before


def test_a_stopped_run_resumes_and_ends_like_an_unstopped_one(store: Path, tmp_path: Path) -> None:
    whole = train(store, tmp_path / "whole", "trainer.max_epochs=3")
    config = composed(f"data.store={store}", f"out={tmp_path / 'stopped'}", *SMALL, "trainer.max_epochs=3")
    stop_after(config, epochs=2)
    assert not (tmp_path / "stopped" / "metrics.json").exists()
    resumed = train(store, tmp_path / "stopped", "trainer.max_epochs=3", "resume=true")
    assert resumed["epochs"] == 3
    assert resumed["val/loss"] == pytest.approx(whole["val/loss"], rel=1e-6)


def stop_after(config: DictConfig, epochs: int) -> None:
    """Train as `main` does, and be gone before it finishes."""

    class Stop(pl.Callback):
        def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            if trainer.current_epoch == epochs:
                raise RuntimeError("killed")

    pl.seed_everything(config.seed, workers=True, verbose=False)
    data, module, _ = build(config)
    trainer = build_trainer(config)
    trainer.callbacks.append(Stop())
    with pytest.raises(RuntimeError, match="killed"):
        trainer.fit(module, data)


def test_resuming_nothing_is_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no last\.ckpt to resume from"):
        train(store, tmp_path / "run", "resume=true")


def test_a_debug_run_leaves_nothing_behind(store: Path, tmp_path: Path) -> None:
    main(composed(f"data.store={store}", f"out={tmp_path / 'run'}", *SMALL[:6], "debug=one_batch"))
    assert not (tmp_path / "run").exists()


def test_wandb_keeps_an_offline_run_without_a_key(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="wandb is an extra")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    config = composed(f"data.store={store}", f"out={tmp_path}", "logger=wandb")
    assert config.logger.wandb.offline is True
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert composed(f"data.store={store}", f"out={tmp_path}", "logger=wandb").logger.wandb.offline is False


GROUPS = {
    group: sorted(path.stem for path in (CONFIG_FOLDER / group).glob("*.yaml"))
    for group in ("spec", "features", "models", "trainer", "callbacks", "logger", "experiment", "debug")
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A speech encoder with random weights."""
    pytest.importorskip("transformers", reason="encoders need the extra `ssl`")
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder"), "hubert")


ENCODERS = {"ssl", "hubert", "wav2vec2", "wavlm", "whisper"}


@pytest.mark.parametrize("choice", [f"{group}={name}" for group, names in GROUPS.items() for name in names])
def test_every_file_of_every_group_composes_and_instantiates(
    choice: str, store: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if choice == "logger=wandb":
        pytest.importorskip("wandb", reason="wandb is an extra")
    further = []
    if choice.removeprefix("features=") in ENCODERS:
        further = [f"features.model={request.getfixturevalue('encoder')}", "features.layer=1", "experiment=ssl"]
    if choice == "experiment=distill":
        further = [f"data.guide.teacher.checkpoint={request.getfixturevalue('finished') / 'best.ckpt'}"]
    out = f"out={tmp_path / 'run'}"
    config = composed(choice, *further, f"data.store={store}", out, "trainer.accelerator=cpu")
    data, module, contract = build(config)
    assert isinstance(build_trainer(config), pl.Trainer)
    features, motion, mask, speakers = next(iter(data.train_dataloader()))
    with torch.no_grad():
        prediction = module.net(features, speakers)
    assert prediction.shape == motion.shape
    assert math.isfinite(prediction.sum())
    assert mask.any()
    assert contract.lookahead_frames == module.net.lookahead_frames


def test_augmentations_that_do_not_fit_an_encoder_are_named(store: Path, encoder: Path, tmp_path: Path) -> None:
    choice = ["features=hubert", f"features.model={encoder}", "features.layer=1"]
    with pytest.raises(ConfigError, match=r"data\.augmentations: gain, mel_shift, noise change log-mel power"):
        build(composed(*choice, f"data.store={store}", f"out={tmp_path}"))


class Journal(pl.Callback):
    """Writes down what each step was trained on, and is killed at one of them."""

    def __init__(self, kill_at_step: int | None = None) -> None:
        self.seen: list[bytes] = []
        self._kill_at_step = kill_at_step

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Batch, index: int) -> None:
        if trainer.global_step == self._kill_at_step:
            raise RuntimeError("killed")
        self.seen.append(hashlib.sha256(batch.features.numpy().tobytes()).digest())


class KeepSteps(ModelCheckpoint):
    """A checkpoint every two steps, besides those of the run."""


def journey(
    config: DictConfig, folder: Path, kill_at_step: int | None = None, resume: Path | None = None
) -> tuple[list[bytes], dict[str, torch.Tensor]]:
    """Train with checkpoints within the epochs; the journal and the weights at the end."""
    pl.seed_everything(config.seed, workers=True, verbose=False)
    data, module, _ = build(config)
    trainer, journal = build_trainer(config), Journal(kill_at_step)
    steps = KeepSteps(folder, "{step}", every_n_train_steps=2, save_top_k=-1, auto_insert_metric_name=False)
    trainer.callbacks += [steps, journal]
    killed = nullcontext() if kill_at_step is None else pytest.raises(RuntimeError, match="killed")
    with killed:
        trainer.fit(module, data, ckpt_path=resume)
    return journal.seen, module.state_dict()


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("kill_at_step", [3, 11])
def test_a_run_killed_within_an_epoch_goes_on_with_the_windows_that_were_left(
    store: Path, tmp_path: Path, num_workers: int, kill_at_step: int
) -> None:
    settings = [*SMALL, "data.windows_per_epoch=30", f"data.num_workers={num_workers}"]  # 8 steps an epoch

    def config(name: str) -> DictConfig:
        return composed(f"data.store={store}", f"out={tmp_path / name}", *settings)

    expected, weights = journey(config("whole"), tmp_path / "whole")
    assert len(set(expected)) == len(expected) == 16
    journey(config("killed"), tmp_path / "killed", kill_at_step)
    saved = kill_at_step - 1
    rest, resumed = journey(config("resumed"), tmp_path / "resumed", resume=tmp_path / "killed" / f"{saved}.ckpt")
    assert rest == expected[saved:]
    assert all(torch.equal(resumed[name], value) for name, value in weights.items())


def test_resuming_on_other_data_is_refused(store: Path, tmp_path: Path) -> None:
    config = composed(f"data.store={store}", f"out={tmp_path / 'run'}", *SMALL, "trainer.max_epochs=3")
    stop_after(config, epochs=1)
    with pytest.raises(ConfigError, match="began with another split_hash of the data"):
        train(store, tmp_path / "run", "trainer.max_epochs=3", "resume=true", "data.val_speakers=[cid]")


def test_a_misspelt_key_stops_with_its_name(store: Path, tmp_path: Path) -> None:
    with pytest.raises(InstantiationException, match="hiden_size"):
        build(composed(f"data.store={store}", f"out={tmp_path}", "+models.net.hiden_size=3"))
