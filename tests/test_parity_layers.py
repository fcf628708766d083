"""Stored layers are compared while a network runs, each call by its own name."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from src.parity_layers import View, compared_layers
from src.parity_vectors import VectorFile


class Twice(nn.Module):
    """A layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.inner(x))


@pytest.fixture
def network() -> Twice:
    torch.manual_seed(0)
    return Twice().requires_grad_(False)


def stored(path: Path, **arrays: Tensor) -> VectorFile:
    np.savez(path, **{name: tensor.numpy() for name, tensor in arrays.items()})
    return VectorFile(path)


def test_calls_inputs_and_what_views_make_of_them_are_compared(network: Twice, tmp_path: Path) -> None:
    x = torch.randn(2, 3)
    first = network.inner[0](x).clone()
    second = network.inner[0](first.relu()).clone()
    arrays = {"mid/inner.0": first, "mid/inner.0#1": second, "mid/given": x, "mid/half": first.relu() / 2}
    vectors = stored(tmp_path / "net.npz", **arrays)
    views = {"given": View("inner", is_input=True), "half": View("inner", lambda output: output / 2)}
    with compared_layers(vectors, network, 1e-6, views=views):
        network(x)
    assert {one.name: one.passed for one in vectors.comparisons()} == {f"net/{name}": True for name in arrays}


def test_layers_that_are_missing_or_not_called_fail(network: Twice, tmp_path: Path) -> None:
    x = torch.randn(2, 3)
    vectors = stored(tmp_path / "net.npz", **{"mid/outer": x, "mid/1#2": x})
    with compared_layers(vectors, network, 1e-6, prefix="inner."):
        network(x)
    assert [(one.name, one.note) for one in vectors.comparisons()] == [
        ("net/mid/outer", "unknown vector"),
        ("net/mid/1#2", "unknown vector"),
    ]
    assert not network.inner[1]._forward_hooks
