"""What is special about recurrent networks; what all networks promise is in `test_networks.py`."""

import pytest
import torch

from src.errors import ConfigError
from src.models.lstm import MotionLSTM

SETTINGS = {
    "in_features": 6,
    "feature_layers": 1,
    "out_channels": 3,
    "hidden_size": 8,
    "num_layers": 2,
    "bidirectional": True,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "lookahead_frames": 0,
    "warmup_frames": 5,
    "style_size": 0,
    "style_dropout": 0.0,
}


@pytest.fixture
def both_ways() -> MotionLSTM:
    torch.manual_seed(0)
    return MotionLSTM(**SETTINGS).eval()


def test_two_directions_hear_the_whole_recording(both_ways: MotionLSTM) -> None:
    features = torch.randn(1, 30, 6, requires_grad=True)
    both_ways(features)[0, 12].sum().backward()
    assert len(features.grad[0].abs().sum(1).nonzero()) == 30
    assert both_ways.receptive_field_frames is None


def test_two_directions_refuse_to_stream(both_ways: MotionLSTM) -> None:
    assert both_ways.streams is False
    with pytest.raises(ConfigError, match=r"bidirectional=true hears whole recordings .*bidirectional=false"):
        both_ways.init_state(1)
    with pytest.raises(ConfigError, match="can't stream"):
        both_ways.step(torch.randn(1, 3, 6), ())


@torch.no_grad()
def test_two_directions_know_speakers() -> None:
    torch.manual_seed(0)
    net = MotionLSTM(**{**SETTINGS, "style_size": 4, "num_speakers": 2}).eval()
    torch.nn.init.normal_(net.style.modulation.weight)
    features = torch.randn(1, 9, 6).expand(2, -1, -1)
    motion = net(features, torch.tensor([0, 2]))
    assert torch.equal(net(features[:1]), motion[:1])
    assert (motion[0] - motion[1]).abs().max() > 1e-3


@pytest.mark.parametrize(
    "wrong", [{"lookahead_frames": 2}, {"hidden_size": 7}, {"num_layers": 0}, {"warmup_frames": -1}], ids=str
)
def test_impossible_settings_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        MotionLSTM(**{**SETTINGS, **wrong})


def test_the_state_is_output_and_cell_of_each_layer() -> None:
    net = MotionLSTM(**{**SETTINGS, "bidirectional": False})
    assert [tuple(memory.shape) for memory in net.init_state(3)] == [(3, 8)] * 4
