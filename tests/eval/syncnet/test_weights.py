"""Official files load by key; anything else says what is wrong and where the file is."""

from pathlib import Path

import pytest
import torch

from src.errors import CheckpointError
from src.eval.syncnet.expert import SyncExpert
from src.eval.syncnet.network import SyncNet
from src.eval.syncnet.weights import WAV2LIP_EXPERT, load_syncnet
from src.official_weights import load_official

WHERE = "www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model"


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return SyncNet().state_dict()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_like_the_official_one_loads_without_counters(
    zipped: bool, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    old = {key: tensor for key, tensor in weights.items() if not key.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "s.model", _use_new_zipfile_serialization=zipped)
    network = load_syncnet(tmp_path / "s.model")
    assert not network.training
    assert all(torch.equal(network.state_dict()[key], tensor) for key, tensor in old.items())


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as error:
        load_syncnet(tmp_path / "s.model")
    assert str(error.value).startswith(f"{tmp_path / 's.model'}: no such file. It should be syncnet_v2.model (54.6 MB)")
    assert WHERE in str(error.value)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 1e-7, 1e-6, 1e-5, 1e-4, 0.001, 0.5, 0.9, 0.9999])
def test_a_file_cut_off_anywhere_says_so(
    zipped: bool, share: float, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "s.model"
    torch.save(weights, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"can't be read as weights .* has 54.6 MB. It is cut off") as error:
        load_syncnet(path)
    assert WHERE in str(error.value)


@pytest.mark.parametrize(
    "content", [b"<!DOCTYPE html><html>404</html>", b"\x00" * 500, b"\x80\x02}q\x00.", b"PK\x03\x04"]
)
def test_a_file_of_another_kind_says_so(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "s.model").write_bytes(content)
    with pytest.raises(CheckpointError, match="can't be read as weights|not the weights"):
        load_syncnet(tmp_path / "s.model")


def test_weights_of_another_network_are_refused(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "s.model"
    broken = {
        "tensors are missing": {key: weights[key] for key in list(weights)[3:]},
        r"1 unknown \(more\)": weights | {"more": torch.zeros(1)},
        r"netfclip.3.bias is \(1,\), expected \(1024,\)": weights | {"netfclip.3.bias": torch.zeros(1)},
        "netfclip.3.bias hold NaN": weights | {"netfclip.3.bias": torch.full((1024,), torch.nan)},
        "no tensors by name": torch.zeros(3),
    }
    for message, content in broken.items():
        torch.save(content, path)
        with pytest.raises(CheckpointError, match=message):
            load_syncnet(path)


def test_the_expert_lies_in_a_section_under_longer_names(tmp_path: Path) -> None:
    torch.manual_seed(2)
    weights = SyncExpert().state_dict()
    section = {f"module.{key}": tensor for key, tensor in weights.items()}
    torch.save({"state_dict": section, "global_step": 3, "optimizer": {"state": {}}}, tmp_path / "e.pth")
    network = SyncExpert()
    load_official(network, tmp_path / "e.pth", WAV2LIP_EXPERT)
    assert all(torch.equal(network.state_dict()[key], tensor) for key, tensor in weights.items())
    torch.save(weights, tmp_path / "flat.pth")
    with pytest.raises(CheckpointError, match="no tensors by name under 'state_dict'"):
        load_official(network, tmp_path / "flat.pth", WAV2LIP_EXPERT)
