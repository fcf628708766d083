"""The networks have the keys and shapes of the official files."""

import json
from pathlib import Path

import pytest
import torch

from src.eval.syncnet.network import SyncNet
from src.eval.syncnet.parity import NETWORKS


@pytest.mark.parametrize("name", NETWORKS)
def test_keys_and_shapes_are_those_of_the_official_file(name: str, shared: Path) -> None:
    keys = json.loads((shared / "syncnet" / "keys.json").read_text())[name]
    assert {key: list(tensor.shape) for key, tensor in NETWORKS[name]().state_dict().items()} == keys


@torch.no_grad()
def test_both_encoders_give_1024_numbers_per_window() -> None:
    network = SyncNet().eval()
    assert sum(parameter.numel() for parameter in network.parameters()) == 13_631_616
    assert network.embed_lips(torch.zeros(1, 3, 5, 224, 224)).shape == (1, 1024)
    assert network.lip_features(torch.zeros(1, 3, 5, 224, 224)).shape == (1, 512)
    assert network.embed_audio(torch.zeros(2, 1, 13, 20)).shape == (2, 1024)
