"""Training lowers the loss, looks at standardised channels and leaves the contract in the checkpoint."""

from functools import partial
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from src.errors import ConfigError
from src.models.checkpoint import SECTION, Contract
from src.models.losses import L2, Concordance, Smoothness, Velocity
from src.models.motion_module import MotionModule
from src.models.schedule import warmup_cosine
from src.models.tcn import CausalTCN

CONTRACT = Contract(
    spec_name="core7",
    spec_version=1,
    channels=("jaw_open", "head_yaw"),
    fps=25.0,
    sample_rate_hz=16_000,
    hops_per_frame=4,
    lookahead_frames=1,
    features={"_target_": "src.data.features.LogMel"},
    features_hash="0",
    latency_parts_ms={"features": 22.5, "look-ahead of the model": 40.0},
    streams=True,
    speakers=(),
)


def module(**changes: Any) -> MotionModule:
    torch.manual_seed(0)
    net = CausalTCN(
        in_features=4,
        feature_layers=1,
        out_channels=2,
        hidden_size=8,
        kernel_size=2,
        dilations=[1],
        dropout=0.0,
        input_dropout=0.0,
        lookahead_frames=1,
        style_size=0,
        style_dropout=0.0,
    )
    net.standardizer.motion_std.copy_(torch.tensor([0.05, 5.0]))
    settings: dict[str, Any] = {
        "net": net,
        "losses": {"reconstruction": L2(weight=1.0), "velocity": Velocity(weight=0.5), "smoothness": None},
        "channel_weights": {"jaw_open": 1.0, "head_yaw": 0.5},
        "lip_channel": "jaw_open",
        "contract": CONTRACT,
        "optimizer": partial(torch.optim.AdamW, lr=0.01, weight_decay=0.1),
        "schedule": partial(warmup_cosine, warmup_share=0.1, final_share=0.1),
    }
    return MotionModule(**{**settings, **changes})


def batch() -> tuple[torch.Tensor, ...]:
    """Motion that the features tell: two of them, in the units of the channels."""
    features = torch.randn(4, 30, 4, generator=torch.Generator().manual_seed(1))
    motion, mask = features[:, :, :2] * torch.tensor([0.05, 5.0]), torch.ones(4, 30, dtype=torch.bool)
    return features, motion, mask, torch.zeros(4, dtype=torch.int64)


def loader() -> DataLoader:
    return DataLoader([tuple(part[index] for part in batch()) for index in range(4)], batch_size=4)


def trainer(**changes: Any) -> pl.Trainer:
    settings = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
    }
    return pl.Trainer(**{**settings, **changes})


def test_training_learns_what_the_features_tell() -> None:
    model = module()
    judge = trainer()
    before = judge.validate(model, loader(), verbose=False)[0]
    trainer(max_epochs=150).fit(model, loader())
    after = judge.validate(model, loader(), verbose=False)[0]
    assert after["val/loss"] < 0.1 * before["val/loss"]
    assert after["val/lip_r"] == after["val/r_jaw_open"] > 0.95
    assert after["val/r_head_yaw"] > 0.9
    assert after["val/lip_std_ratio"] == pytest.approx(1.0, abs=0.2)


def test_testing_scores_as_validation_does() -> None:
    model, judge = module(), trainer()
    (validated,), (tested,) = judge.validate(model, loader(), verbose=False), judge.test(model, loader(), verbose=False)
    assert {name.removeprefix("val/"): value for name, value in validated.items()} == {
        name.removeprefix("test/"): value for name, value in tested.items()
    }


def test_scores_of_single_clips_make_up_the_mean() -> None:
    model, clips = module(), padded([60, 57, 41, 12], torch.zeros(4))
    (logged,) = trainer().validate(model, DataLoader([clips], batch_size=None), verbose=False)
    scores = model.clip_scores
    assert [score.frames for score in scores] == clips[2].sum(dim=1).tolist()
    assert scores[3].r == (None, None)
    counted = [score for score in scores if score.r[0] is not None]
    frames = sum(score.frames for score in counted)
    assert logged["val/lip_r"] == pytest.approx(sum(score.frames * score.r[0] for score in counted) / frames, rel=1e-5)
    ratio = sum(score.frames * score.std_ratio[0] for score in counted) / frames
    assert logged["val/lip_std_ratio"] == pytest.approx(ratio, rel=1e-5)


def test_losses_hear_how_far_a_frame_is_from_silence() -> None:
    model, (features, motion, mask, speakers) = module(), batch()
    model.net.standardizer.silence.copy_(torch.tensor([-3.0, 1.0, 0.0, 2.0]))
    model.net.standardizer.feature_std.copy_(torch.tensor([1.0, 2.0, 4.0, 1.0]))
    features[:, 5:] = model.net.standardizer.silence
    features[:, 6, 1:3] += 4.0
    loudness = model._compare((features, motion, mask, speakers), motion).loudness
    assert loudness[0, 5:].tolist() == [0.0, (2.0 + 1.0) / 4, *[0.0] * 23]


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    logged = trainer().validate(module(), loader(), verbose=False)[0]
    assert logged["val/loss"] == pytest.approx(logged["val/reconstruction"] + 0.5 * logged["val/velocity"], rel=1e-5)
    assert "val/smoothness" not in logged


def padded(lengths: list[int], silence: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Clips of different lengths in one batch, followed by silence that is masked, with some frames not valid."""
    generator = torch.Generator().manual_seed(2)
    size, length = len(lengths), max(lengths)
    features, motion = (
        torch.randn(size, length, 4, generator=generator),
        torch.randn(size, length, 2, generator=generator),
    )
    inside = torch.arange(length) < torch.tensor(lengths)[:, None]
    mask = inside & (torch.rand(size, length, generator=generator) > 0.1)
    features, motion = torch.where(inside[:, :, None], features, silence), torch.where(inside[:, :, None], motion, 0.0)
    return features, motion, mask, torch.zeros(size, dtype=torch.int64)


def test_clips_in_batches_score_as_one_by_one() -> None:
    losses = {
        "reconstruction": L2(weight=1.0),
        "concordance": Concordance(weight=5.0),
        "velocity": Velocity(weight=1.0),
        "smoothness": Smoothness(weight=0.1),
    }
    model, lengths = module(losses=losses), [60, 57, 41, 40, 12]
    silence = torch.tensor([-3.0, 1.0, 0.0, 2.0])
    model.net.standardizer.silence.copy_(silence)
    features, motion, mask, speakers = padded(lengths, silence)
    alone = [
        (features[row, :length], motion[row, :length], mask[row, :length], speakers[row])
        for row, length in enumerate(lengths)
    ]
    judge = trainer(limit_val_batches=1.0)
    (single,) = judge.validate(model, DataLoader(alone, batch_size=1), verbose=False)
    (batched,) = judge.validate(model, DataLoader([(features, motion, mask, speakers)], batch_size=None), verbose=False)
    assert set(single) > {"val/concordance", "val/smoothness", "val/lip_r"}
    assert batched == pytest.approx(single, rel=1e-6, abs=1e-6)


def test_channels_weigh_by_deviation_not_by_unit() -> None:
    model = module(channel_weights={"jaw_open": 1.0, "head_yaw": 1.0})
    features, motion, mask, speakers = batch()
    with torch.no_grad():
        prediction = model.net(features)
        one_std_off = [motion.clone(), motion.clone()]
        one_std_off[0][..., 0] += 0.05
        one_std_off[1][..., 1] += 5.0
        compared = [model._compare((features, wrong, mask, speakers), motion) for wrong in one_std_off]
        terms = [model._terms(comparison)["reconstruction"] for comparison in compared]
    assert prediction.shape == motion.shape
    assert terms[0].item() == pytest.approx(terms[1].item(), rel=1e-3) == pytest.approx(0.5, rel=1e-3)


def test_weight_decay_leaves_gains_and_biases_alone() -> None:
    model = module()
    model.trainer = trainer(max_epochs=1)
    model.trainer.fit(model, loader())
    decayed, free = model.trainer.optimizers[0].param_groups
    assert decayed["weight_decay"] == 0.1
    assert free["weight_decay"] == 0.0
    assert all(parameter.ndim > 1 for parameter in decayed["params"])
    assert len(decayed["params"]) + len(free["params"]) == len(list(model.net.parameters()))


def test_a_checkpoint_names_network_and_contract() -> None:
    stored: dict[str, Any] = {}
    model = module()
    model.on_save_checkpoint(stored)
    assert stored[SECTION]["contract"] == CONTRACT.to_dict()
    assert stored[SECTION]["net"] == {"_target_": "src.models.tcn.CausalTCN", **model.net.config}


def test_two_runs_with_one_seed_end_alike() -> None:
    results = []
    for _ in range(2):
        pl.seed_everything(7, verbose=False)
        model = module()
        trainer(max_epochs=5, deterministic=True).fit(model, loader())
        results.append(trainer().validate(model, loader(), verbose=False)[0])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"channel_weights": {"jaw_open": 1.0}}, "models.channel_weights names jaw_open and .* jaw_open, head_yaw"),
        ({"channel_weights": {"jaw_open": -1.0, "head_yaw": 1.0}}, "one weight of 0 or more"),
        ({"lip_channel": "lips"}, "models.lip_channel lips"),
        ({"losses": {"reconstruction": None}}, "nothing to learn"),
        ({"channel_weights": {"jaw_open": 0.0, "head_yaw": 0.0}}, "nothing to learn"),
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        module(**wrong)


def test_a_run_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"set trainer\.max_epochs or trainer\.max_steps"):
        trainer(max_epochs=-1).fit(module(), loader())
