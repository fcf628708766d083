"""What is special about convolutions; what all networks promise is in `test_networks.py`."""

import pytest

from src.errors import ConfigError
from src.models.tcn import CausalTCN

SETTINGS = {
    "in_features": 6,
    "feature_layers": 1,
    "out_channels": 3,
    "hidden_size": 8,
    "kernel_size": 3,
    "dilations": [1, 3],
    "dropout": 0.0,
    "input_dropout": 0.0,
    "lookahead_frames": 1,
    "style_size": 0,
    "style_dropout": 0.0,
}


@pytest.mark.parametrize(
    "wrong", [{"lookahead_frames": -1}, {"kernel_size": 1}, {"dilations": []}, {"dilations": [1, 0]}], ids=str
)
def test_impossible_shapes_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CausalTCN(**{**SETTINGS, **wrong})


def test_memory_and_receptive_field_follow_from_kernel_and_dilations() -> None:
    net = CausalTCN(**SETTINGS)
    assert net.receptive_field_frames == 1 + 2 * (1 + 3)
    assert net.warmup_frames == 2 * (1 + 3) - 1
    assert [tuple(memory.shape) for memory in net.init_state(4)] == [(4, 8, 2), (4, 8, 6)]
