"""The folded warping module gives what the readable one gives."""

import torch

from src.render.liveportrait.dense_motion import heat_maps, identity_grid, sample, sparse_flows
from src.render.liveportrait.folded_warping import FoldedWarping, moved, separable_heat
from tests.render.liveportrait.small_networks import SMALL, lively, networks


@torch.no_grad()
def test_it_gives_the_same_features_and_motion() -> None:
    torch.manual_seed(0)
    warping = lively(networks(SMALL)["warping_module"], 1)
    volume = torch.randn(2, 32, 4, 32, 32)
    source = torch.rand(2, 5, 3) - 0.5
    driving = source + 0.1 * torch.randn(2, 5, 3)
    folded = FoldedWarping(warping)
    ours, plain = folded(folded.prepare(volume, source), driving), warping(volume, driving, source)
    torch.testing.assert_close(ours.motion.deformation, plain.motion.deformation)
    torch.testing.assert_close(ours.motion.occlusion, plain.motion.occlusion)
    torch.testing.assert_close(ours.features, plain.features, rtol=0, atol=1e-5 * float(plain.features.abs().max()))


@torch.no_grad()
def test_a_volume_is_moved_as_sampling_moves_it_also_out_of_the_cube() -> None:
    torch.manual_seed(0)
    volume = torch.randn(1, 3, 8, 16, 12, dtype=torch.float64)
    ways = torch.cat([torch.zeros(1, 1, 3), torch.randn(1, 6, 3), torch.full((1, 1, 3), 5.0)], dim=1).double()
    flows = identity_grid(volume) + ways[:, :, None, None, None]
    plain = torch.stack([sample(volume, flow) for flow in flows.unbind(1)], dim=1)
    torch.testing.assert_close(moved(volume, ways), plain)
    assert not plain[:, -1].any()


def test_heat_is_a_product_of_three_curves() -> None:
    torch.manual_seed(0)
    volume = torch.zeros(2, 1, 16, 64, 64, dtype=torch.float64)
    keypoints = torch.rand(2, 5, 3, dtype=torch.float64) * 2.4 - 1.2
    torch.testing.assert_close(separable_heat(volume, keypoints), heat_maps(identity_grid(volume), keypoints))


def test_the_first_flow_moves_nothing() -> None:
    grid = identity_grid(torch.zeros(1, 1, 4, 6, 5))
    flows = sparse_flows(grid, torch.rand(1, 3, 3), torch.rand(1, 3, 3))
    assert torch.equal(flows[0, 0], grid)
