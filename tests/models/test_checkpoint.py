"""Checkpoints rebuild their network, and say in words why they do not."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from src.data.features import LogMel, SslFeatures
from src.errors import CheckpointError
from src.models.checkpoint import SECTION, Contract, describe, load_checkpoint, read_description
from src.models.tcn import CausalTCN
from src.motion import CORE7
from tests.tiny_encoders import write_tiny_encoder

FEATURES = {
    "sample_rate_hz": 16_000,
    "n_mels": 4,
    "hop_length": 160,
    "window_length": 400,
    "f_min_hz": 60.0,
    "f_max_hz": 7600.0,
    "log_floor": 1e-5,
}


@pytest.fixture
def net() -> CausalTCN:
    torch.manual_seed(0)
    net = CausalTCN(
        in_features=16,
        feature_layers=1,
        out_channels=7,
        hidden_size=8,
        kernel_size=3,
        dilations=[1, 2],
        dropout=0.5,
        input_dropout=0.0,
        lookahead_frames=2,
        style_size=0,
        style_dropout=0.0,
    )
    net.standardizer.motion_mean.fill_(0.25)
    return net


def contract(**changes: Any) -> Contract:
    features = LogMel(**FEATURES)
    fields = {
        "spec_name": CORE7.name,
        "spec_version": CORE7.version,
        "channels": CORE7.names,
        "fps": 25.0,
        "sample_rate_hz": 16_000,
        "hops_per_frame": 4,
        "lookahead_frames": 2,
        "features": features.config,
        "features_hash": features.config_hash,
        "latency_parts_ms": {**features.latency_parts, "look-ahead of the model": 80.0},
        "streams": True,
        "speakers": ("ada", "grace"),
    }
    return Contract(**{**fields, **changes})


def saved(path: Path, net: CausalTCN, contract: Contract, /, **changes: Any) -> Path:
    """A file as Lightning writes it, with our section inside."""
    weights = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    section = {**describe(net, contract), **changes}
    torch.save({"epoch": 3, "state_dict": {**weights, "loss.other": torch.zeros(1)}, SECTION: section}, path)
    return path


@torch.no_grad()
def test_a_checkpoint_gives_back_the_network_and_its_contract(net: CausalTCN, tmp_path: Path) -> None:
    loaded = load_checkpoint(saved(tmp_path / "best.ckpt", net, contract()))
    features = torch.randn(1, 9, 16)
    assert torch.equal(loaded.net(features), net.eval()(features))
    assert not loaded.net.training
    assert loaded.contract == contract()
    assert loaded.epoch == 3
    assert loaded.contract.latency_ms == 10 + 12.5 + 80
    assert loaded.contract.build_features().config == contract().features
    assert loaded.contract.spec is CORE7


def test_a_checkpoint_says_what_it_was_made_from_even_if_it_does_not_fit(net: CausalTCN, tmp_path: Path) -> None:
    origin = {"seed": 3, "data_hash": "ab", "guide": None}
    named = saved(tmp_path / "named.ckpt", net, contract(fps=50.0), **describe(net, contract(fps=50.0), origin))
    assert read_description(named).origin == origin
    assert read_description(named).contract["fps"] == 50.0
    assert read_description(saved(tmp_path / "old.ckpt", net, contract())).origin is None
    (tmp_path / "no.ckpt").write_bytes(b"1234")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        read_description(tmp_path / "no.ckpt")


def test_a_contract_survives_the_trip_through_plain_types() -> None:
    assert Contract.from_dict(json.loads(json.dumps(contract().to_dict()))) == contract()


def test_the_contract_of_a_network_states_what_it_and_its_features_are(net: CausalTCN) -> None:
    features = LogMel(**FEATURES)
    made = Contract.of(spec=CORE7, features=features, net=net, speakers=["ada", "grace"])
    assert made == contract(lookahead_frames=net.lookahead_frames)
    assert made.latency_record == {
        "last feature hop of a frame": 10.0,
        "half a feature window": 12.5,
        "look-ahead of the model": 80.0,
        "total": 102.5,
    }


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"best\.ckpt: no such checkpoint\. Train one with `python -m"):
        load_checkpoint(tmp_path / "best.ckpt")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04" + bytes(50)], ids=["empty", "text", "zip"])
def test_another_kind_of_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.ckpt: not a readable checkpoint"):
        load_checkpoint(tmp_path / "x.ckpt")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(net: CausalTCN, tmp_path: Path, share: float) -> None:
    path = saved(tmp_path / "x.ckpt", net, contract())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match="not a readable checkpoint; it is damaged"):
        load_checkpoint(path)


def test_a_checkpoint_of_another_project_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(2)}}, tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match="no checkpoint of Audio2Motion"):
        load_checkpoint(tmp_path / "x.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spec_name": "arkit99"}, "speaks motion spec 'arkit99', this program knows core7"),
        ({"spec_version": 99}, "speaks core7 version 99"),
        ({"channels": CORE7.names[:3]}, r"version 1 \(jaw_open, mouth_wide, mouth_narrow\), this program"),
        ({"fps": 30.0}, "gives 30 motion frames per second, this program runs at 25"),
        (
            {"hops_per_frame": 2},
            "have a sample rate of 16000 Hz, 2 hops per frame and 22.5 ms .* 16000 Hz, 4 and 22.5 ms",
        ),
        ({"latency_parts_ms": {"one": 4.0, "two": 6.0}}, "4 hops per frame and 10 ms of latency"),
        ({"features_hash": "0123"}, "trained on features with hash 0123"),
        ({"version": 1}, "contract of version 1"),
        ({"features": {"_target_": "os.system", "command": "true"}}, "asks for the class 'os.system'"),
        ({"features": {"_target_": "src.data.features.mel"}}, "which is no class of ours"),
        (
            {"features": {"_target_": "src.data.features.Gone"}},
            "needs src.data.features.Gone, which this program lacks",
        ),
    ],
)
def test_a_contract_that_does_not_fit_is_refused_with_the_difference(
    net: CausalTCN, tmp_path: Path, changes: dict, message: str
) -> None:
    path = saved(tmp_path / "x.ckpt", net, contract(**changes))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(str(path))


def test_only_networks_of_this_project_are_built(net: CausalTCN, tmp_path: Path) -> None:
    path = saved(tmp_path / "x.ckpt", net, contract(), net={"_target_": "torch.nn.Linear", "in_features": 1})
    with pytest.raises(CheckpointError, match=r"only src\.models\.\* are loaded"):
        load_checkpoint(path)


def test_weights_of_another_size_are_refused(net: CausalTCN, tmp_path: Path) -> None:
    wrong = {"_target_": "src.models.tcn.CausalTCN", **net.config, "hidden_size": 9}
    with pytest.raises(CheckpointError, match="does not fit the code of this program"):
        load_checkpoint(saved(tmp_path / "x.ckpt", net, contract(), net=wrong))


def test_an_encoder_that_moved_is_found_where_the_message_says(
    net: CausalTCN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_tiny_encoder(tmp_path / "hubert", "hubert")
    features = SslFeatures(
        model=str(folder), layer=1, past_ms=80, new_ms=40, future_ms=40, device="cpu", weights_sha256=None
    )
    path = saved(
        tmp_path / "x.ckpt",
        net,
        contract(
            features=features.config,
            features_hash=features.config_hash,
            latency_parts_ms=features.latency_parts,
            hops_per_frame=2,
        ),
    )
    stored = load_checkpoint(path).contract.features
    assert stored["model"] == str(folder)
    assert len(stored["weights_sha256"]) == 64
    (tmp_path / "elsewhere").mkdir()
    moved = folder.rename(tmp_path / "elsewhere" / "hubert")
    with pytest.raises(CheckpointError, match=r"x\.ckpt: its features can't be built: .*A2M_MODELS names, as hubert"):
        load_checkpoint(path)
    monkeypatch.setenv("A2M_MODELS", str(moved.parent))
    assert load_checkpoint(path).contract.features == stored
    (moved / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(CheckpointError, match="Give the model that was trained with"):
        load_checkpoint(path)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"

    class Payload:
        def __reduce__(self) -> tuple:
            return (Path.touch, (touched,))

    torch.save({"state_dict": Payload(), SECTION: {}}, tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "x.ckpt")
    assert not touched.exists()
