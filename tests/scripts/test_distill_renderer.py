"""A student is trained by command from weights in the official layout, goes on after a kill, and is used like them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from scripts.distill_renderer import GENERATOR, WARPING, avatars_in, main
from src.errors import ConfigError
from src.files import sha256_of
from src.parity_run import fill_with_seed
from src.render.liveportrait.distillation import SECTION
from src.render.liveportrait.parity_seeds import WEIGHTS
from src.render.liveportrait.weights import FILES, load_weights
from tests.render.liveportrait.small_networks import DRIVEN, networks
from tests.render.portraits import drawn_avatar
from tests.scripts.test_realtime import composed

TEACHER = DRIVEN | {
    "appearance_feature_extractor.num_down_blocks": 3,  # volumes of 32 x 32, pictures of 256 x 256
    "appearance_feature_extractor.reshape_depth": 2,
    "motion_extractor.num_keypoints": 5,
    "warping_module.dense_motion_network.block_expansion": 8,
    "spade_generator.width": 32,
    "spade_generator.num_middle_blocks": 2,
    "stitching.sizes": [30, 8, 17],
    "eye.sizes": [18, 8, 15],
    "lip.sizes": [17, 8, 15],
}
STUDENT = TEACHER | {
    "warping_module.out_channels": 8,
    "warping_module.dense_motion_network.block_expansion": 4,
    "warping_module.dense_motion_network.compressed_channels": 1,
    "spade_generator.width": 16,
    "spade_generator.num_middle_blocks": 1,
    "spade_generator.out_width": 4,
    "spade_generator.hidden_channels": 4,
}
SECTIONS = {"stitching": "retarget_shoulder", "lip": "retarget_mouth", "eye": "retarget_eye"}


class Stop(pl.Callback):
    """Ends a run before a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self._step:
            raise RuntimeError("killed")


def seeded(changes: dict[str, Any]) -> dict[str, nn.Module]:
    built = networks(changes)
    for name, network in built.items():
        fill_with_seed(network, name, 1, exceptions=WEIGHTS)
    return built


def write_official(built: dict[str, nn.Module], folder: Path) -> None:
    """Weights in files as they are published."""
    heads = {}
    for name, network in built.items():
        if name in SECTIONS:
            heads[SECTIONS[name]] = {f"module.{key}": value for key, value in network.state_dict().items()}
    for name, file in FILES.items():
        path = folder / f"{file.path}.pth"
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(heads if name in SECTIONS else built[name].state_dict(), path)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights/ and portraits/."""
    folder = tmp_path_factory.mktemp("in puts")
    write_official(seeded(TEACHER), folder / "weights")
    drawn_avatar().save(folder / "portraits" / "somebody")
    return folder


def config(inputs: Path, out: Path, *overrides: str) -> DictConfig:
    sizes = [
        f"{side}.{key}={value}"
        for side, sizes in (("teacher", TEACHER), ("student", STUDENT))
        for key, value in sizes.items()
    ]
    given = [f"weights='{inputs / 'weights'}'", f"portraits='{inputs / 'portraits'}'", f"out='{out}'"]
    short = ["steps_per_epoch=4", "val_steps=1", "batch_size=1", "trainer.max_epochs=2", "trainer.accelerator=cpu"]
    plain = ["callbacks.progress=null", "cpu_threads=1", "cost.repetitions=1"]
    return composed("distill_renderer", *sizes, *given, *short, *plain, *overrides)


@pytest.fixture(scope="module")
def finished(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    main(config(inputs, out))
    return out


def validation(out: Path) -> list[float]:
    with open(out / "metrics.csv", newline="") as file:
        return [float(row["val/loss"]) for row in csv.DictReader(file) if row.get("val/loss")]


def test_the_loss_falls_and_the_student_does_less_in_less_time(finished: Path) -> None:
    first, last = validation(finished)
    assert last < first
    metrics = json.loads((finished / "metrics.json").read_text())
    cost = metrics["cost"]
    assert cost["operations_ratio"] < 0.5
    assert cost["time_ratio"] > 0
    assert metrics["checkpoint_sha256"] == sha256_of(finished / "best.ckpt")


def test_a_checkpoint_says_what_it_is_and_what_it_was_made_from(inputs: Path, finished: Path) -> None:
    checkpoint = torch.load(finished / "best.ckpt", weights_only=True)
    contract = checkpoint[SECTION]
    assert contract["networks"][GENERATOR]["width"] == 16
    assert contract["networks"][WARPING]["out_channels"] == 8
    path = inputs / "weights" / f"{FILES[GENERATOR].path}.pth"
    assert contract["teacher_sha256"]["spade_generator"] == sha256_of(path)
    assert len(contract["teacher_sha256"]) == 5
    assert {key.split(".")[0] for key in checkpoint["state_dict"]} == {WARPING, GENERATOR, "adapter"}


def test_the_student_is_loaded_like_the_official_weights(inputs: Path, finished: Path) -> None:
    built = networks(STUDENT)
    load_weights(built, finished / "weights")
    trained = torch.load(finished / "best.ckpt", weights_only=True)["state_dict"]
    for name, network in built.items():
        for key, value in network.state_dict().items():
            if name in (WARPING, GENERATOR):
                assert torch.equal(value, trained[f"{name}.{key}"])
    expected = seeded(TEACHER)["motion_extractor"].state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in built["motion_extractor"].state_dict().items())


def test_a_renderer_draws_with_the_student_by_config(finished: Path) -> None:
    chosen = ["render=liveportrait", "render/networks@render.engine.networks=liveportrait_small"]
    small = composed("render", "avatar=a", "motion=b", "out=c", *chosen).render.engine.networks
    assert small.spade_generator.feature_channels == small.warping_module.out_channels == 128
    sizes = [f"render.engine.networks.{key}={value}" for key, value in STUDENT.items()]
    weights = f"render.engine.weights='{finished / 'weights'}'"
    engine = instantiate(composed("render", "avatar=a", "motion=b", "out=c", *chosen, *sizes, weights).render.engine)
    keypoints = torch.zeros(1, 5, 3)
    source = engine.prepare(engine.appearance(torch.zeros(1, 3, 256, 256)), keypoints)
    assert engine.draw(source, keypoints).shape == (1, 256, 256, 3)


def test_a_run_that_goes_on_ends_as_one_that_was_not_stopped(
    inputs: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "killed"
    killing = f"+callbacks.stop={{_target_: {__name__}.Stop, step: 6}}"
    with pytest.raises(RuntimeError, match="killed"):
        main(config(inputs, out, killing))
    main(config(inputs, out, "resume=true"))
    ours, theirs = (torch.load(run / "last.ckpt", weights_only=True)["state_dict"] for run in (out, finished))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert validation(out) == validation(finished)


def test_a_folder_without_portraits_is_named(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(ConfigError, match=r"no avatar and no picture that can be used"):
        avatars_in(tmp_path, 256)
