"""The folded generator draws what the readable one draws."""

import torch

from src.render.liveportrait.folded_generator import FoldedGenerator
from tests.render.liveportrait.small_networks import SMALL, networks


@torch.no_grad()
def test_it_draws_the_same_pictures() -> None:
    torch.manual_seed(0)
    generator = networks(SMALL)["spade_generator"].double()
    features = torch.randn(2, 16, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(FoldedGenerator(generator)(features.clone()), generator(features))


@torch.no_grad()
def test_folding_leaves_the_generator_and_the_features_as_they_are() -> None:
    torch.manual_seed(0)
    generator = networks(SMALL)["spade_generator"]
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    features = torch.randn(1, 16, 64, 64)
    given = features.clone()
    FoldedGenerator(generator)(features)
    assert torch.equal(features, given)
    assert all(torch.equal(value, before[key]) for key, value in generator.state_dict().items())
