"""Sampling slice by slice equals sampling the volume."""

import pytest
import torch

from src.render.liveportrait.dense_motion import identity_grid, sample
from src.render.liveportrait.slices import sample_slices


@pytest.mark.parametrize("reach", [0.02, 0.5, 3.0])
def test_it_equals_the_sampling_of_the_volume_inside_and_outside(reach: float) -> None:
    torch.manual_seed(0)
    volume = torch.randn(2, 3, 4, 8, 6, dtype=torch.float64)
    places = identity_grid(volume) + reach * torch.randn(2, 4, 8, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(sample_slices(volume, places), sample(volume, places))


def test_places_beside_a_slice_do_not_see_the_next() -> None:
    volume = torch.zeros(1, 1, 3, 4, 4, dtype=torch.float64)
    volume[0, 0, 1] = 1
    axis = torch.linspace(-1.6, 1.6, 33, dtype=torch.float64)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    places = torch.stack([x, y, z], dim=-1)[None]
    torch.testing.assert_close(sample_slices(volume, places), sample(volume, places))
