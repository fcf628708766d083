"""Weights are found and loaded as they are published, and what is wrong with a file is said."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from src.errors import CheckpointError
from src.parity_run import fill_with_seed
from src.render.liveportrait.appearance import AppearanceExtractor
from src.render.liveportrait.heads import KeypointMLP
from src.render.liveportrait.parity_seeds import WEIGHTS
from src.render.liveportrait.weights import FILES, find_weights, load_weights

HEADS = "liveportrait/retargeting_models/stitching_retargeting_module"
BASE = "liveportrait/base_models/appearance_feature_extractor"


def networks(seed: int = 1) -> dict[str, nn.Module]:
    """Small ones; their weights are stored as the official ones are."""
    built: dict[str, nn.Module] = {
        "appearance_feature_extractor": AppearanceExtractor(
            block_expansion=4, num_down_blocks=2, max_features=8, reshape_channels=4, reshape_depth=2, num_resblocks=1
        ),
        "stitching": KeypointMLP(sizes=(126, 8, 8, 8, 65)),
        "eye": KeypointMLP(sizes=(66, 8, 63)),
        "lip": KeypointMLP(sizes=(65, 8, 8, 8, 63)),
    }
    for name, network in built.items():
        fill_with_seed(network, name, seed, exceptions=WEIGHTS)
    return built


def sections(built: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
    names = {"stitching": "retarget_shoulder", "lip": "retarget_mouth", "eye": "retarget_eye"}
    return {
        section: {f"module.{key}": tensor for key, tensor in built[name].state_dict().items()}
        for name, section in names.items()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = networks()
    for file in FILES.values():
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{file.path}.pth").write_bytes(b"")
    torch.save(built["appearance_feature_extractor"].state_dict(), tmp_path / f"{BASE}.pth")
    torch.save({**sections(built), "retarget_more": {"module.x": torch.zeros(3)}}, tmp_path / f"{HEADS}.pth")
    return tmp_path


def assert_loaded(folder: Path) -> None:
    expected, found = networks(), networks(seed=2)
    load_weights(found, folder)
    for name, network in found.items():
        assert not network.training
        for key, tensor in network.state_dict().items():
            assert torch.equal(tensor, expected[name].state_dict()[key]), f"{name}: {key}"


def test_networks_get_the_weights_of_their_files_and_sections(folder: Path) -> None:
    assert_loaded(folder)


def test_safetensors_are_taken_as_well(folder: Path) -> None:
    built = networks()
    for path in (BASE, HEADS):
        (folder / f"{path}.pth").unlink()
    save_file(built["appearance_feature_extractor"].state_dict(), folder / f"{BASE}.safetensors")
    flat = {f"{section}.{key}": tensor for section, part in sections(built).items() for key, tensor in part.items()}
    save_file(flat, folder / f"{HEADS}.safetensors")
    assert_loaded(folder)


def test_all_missing_files_are_named_at_once_with_size_and_place(folder: Path) -> None:
    (folder / f"{HEADS}.pth").unlink()
    (folder / "liveportrait/base_models/spade_generator.pth").unlink()
    with pytest.raises(CheckpointError) as raised:
        find_weights(folder)
    message = str(raised.value)
    assert message.count(f"{HEADS}.pth (2.3 MB)") == 1
    assert "spade_generator.pth (212 MB)" in message
    assert "warping_module" not in message
    assert "huggingface.co/KwaiVGI/LivePortrait" in message
    assert list(find_weights(folder, ["warping_module"])) == ["warping_module"]


def test_a_file_that_is_cut_off_is_named(folder: Path) -> None:
    path = folder / f"{BASE}.pth"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(CheckpointError, match=rf"{path}: .* MB that can't be read as weights .*3.3 MB. It is cut off"):
        load_weights(networks(), folder)


def test_weights_of_another_network_are_named_by_key(folder: Path) -> None:
    path = folder / f"{BASE}.pth"
    torch.save(networks()["lip"].state_dict(), path)
    with pytest.raises(CheckpointError, match=rf"{path}: .*first.conv.weight, .*unknown \(mlp.0.weight, "):
        load_weights(networks(), folder)
    wider = {
        key: torch.zeros(3, *tensor.shape)
        for key, tensor in networks()["appearance_feature_extractor"].state_dict().items()
    }
    torch.save(wider, path)
    with pytest.raises(CheckpointError, match=r"first.conv.weight is \(3, 4, 3, 3, 3\), expected \(4, 3, 3, 3\)"):
        load_weights(networks(), folder)


def test_a_file_without_a_section_is_named(folder: Path) -> None:
    built = networks()
    torch.save({key: part for key, part in sections(built).items() if key != "retarget_eye"}, folder / f"{HEADS}.pth")
    with pytest.raises(CheckpointError, match=r"no tensors by name under 'retarget_eye'"):
        load_weights(networks(), folder)


def test_files_that_want_to_run_code_are_refused(folder: Path) -> None:
    path = folder / f"{BASE}.pth"
    torch.save({"first.conv.weight": print}, path)
    with pytest.raises(CheckpointError, match="can't be read as weights"):
        load_weights(networks(), folder)
