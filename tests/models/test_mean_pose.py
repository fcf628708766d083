"""A face that does not move; what all networks promise is in `test_networks.py`."""

import torch

from src.models.mean_pose import MeanPose


def test_every_frame_is_the_mean_of_the_training_motion() -> None:
    net = MeanPose(in_features=4, feature_layers=2, out_channels=3)
    mean = torch.tensor([0.1, -2.0, 3.0])
    net.standardizer.set_statistics(
        feature_mean=torch.zeros(4),
        feature_std=torch.ones(4),
        silence=torch.zeros(4),
        motion_mean=mean,
        motion_std=torch.ones(3),
    )
    assert torch.equal(net(torch.randn(2, 5, 4)), mean.expand(2, 5, 3))
    assert not list(net.parameters())
    assert net.receptive_field_frames == net.lookahead_frames == net.warmup_frames == 0
