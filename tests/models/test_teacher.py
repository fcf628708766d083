"""A teacher is the network of its checkpoint, and knows what it was trained on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from src.data.features import LogMel
from src.errors import CheckpointError, ConfigError
from src.files import sha256_of
from src.models.checkpoint import SECTION, Contract, describe
from src.models.tcn import CausalTCN
from src.models.teacher import Teacher
from src.motion import CORE7

FEATURES = LogMel(
    sample_rate_hz=16_000,
    n_mels=4,
    hop_length=160,
    window_length=400,
    f_min_hz=60.0,
    f_max_hz=7600.0,
    log_floor=1e-5,
)


def network() -> CausalTCN:
    torch.manual_seed(0)
    return CausalTCN(
        in_features=FEATURES.row_size,
        feature_layers=1,
        out_channels=CORE7.size,
        hidden_size=8,
        kernel_size=3,
        dilations=[1, 2],
        dropout=0.5,
        input_dropout=0.0,
        lookahead_frames=6,
        style_size=0,
        style_dropout=0.0,
    ).eval()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    net = network()
    contract = Contract.of(spec=CORE7, features=FEATURES, net=net, speakers=())
    state = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 0, SECTION: describe(net, contract)}, tmp_path / "best.ckpt")
    return tmp_path / "best.ckpt"


def test_it_says_what_its_network_says_of_whole_clips(checkpoint: Path) -> None:
    teacher = Teacher(checkpoint=str(checkpoint), device="cpu")
    rows = np.random.default_rng(0).normal(size=(3, 20, teacher.features.row_size)).astype(np.float32)
    with torch.no_grad():
        expected = network()(torch.from_numpy(rows)).numpy()
    motion = teacher.motion(rows)
    assert motion.dtype == np.float32
    np.testing.assert_array_equal(motion, expected)


def test_it_has_the_contract_of_its_checkpoint(checkpoint: Path) -> None:
    teacher = Teacher(checkpoint=str(checkpoint), device="cpu")
    assert teacher.spec == CORE7
    assert teacher.features.config_hash == FEATURES.config_hash
    assert teacher.sha256 == sha256_of(checkpoint)


def test_the_run_beside_it_tells_what_it_was_trained_on(checkpoint: Path) -> None:
    alone = Teacher(checkpoint=str(checkpoint), device="cpu")
    assert (alone.data_hash, alone.split_hash) == (None, None)
    (checkpoint.parent / "metrics.json").write_text(json.dumps({"data_hash": "d", "split_hash": "s", "seed": 0}))
    teacher = Teacher(checkpoint=str(checkpoint), device="cpu")
    assert (teacher.data_hash, teacher.split_hash) == ("d", "s")


def test_a_damaged_run_beside_it_is_refused(checkpoint: Path) -> None:
    (checkpoint.parent / "metrics.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"metrics\.json: not readable .* Copy the run again"):
        Teacher(checkpoint=str(checkpoint), device="cpu")


def test_unknown_devices_and_missing_checkpoints_are_refused(checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="teacher.device is 'tpu'"):
        Teacher(checkpoint=str(checkpoint), device="tpu")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        Teacher(checkpoint="nowhere.ckpt", device="cpu")
