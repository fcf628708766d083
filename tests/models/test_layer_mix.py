"""A mix of layers is a mean to begin with, learns which layer tells, and leaves single layers alone."""

import pytest
import torch
from torch import nn

from src.errors import ConfigError
from src.models.layer_mix import LayerMix, layer_mix


def test_layers_of_a_channel_are_weighted_with_a_sum_of_1() -> None:
    mix = LayerMix(num_layers=3)
    rows = torch.tensor([[[1.0, 2.0, 6.0, -1.0, 0.0, 1.0]]])
    torch.testing.assert_close(mix(rows), torch.tensor([[[3.0, 0.0]]]))
    with torch.no_grad():
        mix.logits.copy_(torch.log(torch.tensor([0.5, 0.25, 0.25])))
    torch.testing.assert_close(mix(rows), torch.tensor([[[2.5, -0.25]]]))


def test_training_finds_the_layer_that_tells() -> None:
    generator = torch.Generator().manual_seed(0)
    mix, rows = LayerMix(num_layers=4), torch.randn(64, 5, 8 * 4, generator=generator)
    wanted = rows.unflatten(-1, (8, 4))[..., 2]
    optimizer = torch.optim.Adam(mix.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        (mix(rows) - wanted).square().mean().backward()
        optimizer.step()
    assert mix.logits.softmax(0)[2] > 0.95


def test_one_layer_needs_no_mix_and_no_weights() -> None:
    mix, rows = layer_mix(6, 1), torch.randn(1, 2, 6)
    assert isinstance(mix, nn.Identity)
    assert mix(rows) is rows
    assert layer_mix(6, 3)(rows).shape == (1, 2, 2)


@pytest.mark.parametrize("layers", [0, 4])
def test_rows_that_are_no_layers_are_refused(layers: int) -> None:
    with pytest.raises(ConfigError, match="Set both to what the feature extractor states"):
        layer_mix(6, layers)
