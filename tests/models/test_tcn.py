"""One network, two roads: whole recordings and pieces of any size give the same frames."""

import pytest
import torch

from src.errors import ConfigError
from src.models.tcn import CausalTCN


def network(lookahead_frames: int = 2, dilations: tuple[int, ...] = (1, 2, 4), feature_layers: int = 1) -> CausalTCN:
    torch.manual_seed(0)
    net = CausalTCN(
        in_features=6,
        feature_layers=feature_layers,
        out_channels=3,
        hidden_size=16,
        kernel_size=3,
        dilations=list(dilations),
        dropout=0.3,
        input_dropout=0.1,
        lookahead_frames=lookahead_frames,
    )
    net.standardizer.set_statistics(
        feature_mean=torch.linspace(-5, 5, 6),
        feature_std=torch.linspace(0.5, 2, 6),
        silence=torch.full((6,), -11.0),
        motion_mean=torch.tensor([0.1, 0.0, -3.0]),
        motion_std=torch.tensor([0.05, 0.02, 6.0]),
    )
    return net.eval()


def streamed(net: CausalTCN, features: torch.Tensor, pieces: list[int]) -> torch.Tensor:
    """All frames of `features` (B, T, F), pushed in pieces that cycle through the given sizes."""
    silence = net.standardizer.silence.expand(len(features), net.lookahead_frames, -1)
    rows, state, frames, start, turn = torch.cat([features, silence], 1), net.init_state(len(features)), [], 0, 0
    while start < rows.shape[1]:
        size = pieces[turn % len(pieces)]
        frame, state = net.step(rows[:, start : start + size], state)
        frames.append(frame)
        start, turn = start + size, turn + 1
    return torch.cat(frames, 1)[:, net.lookahead_frames :]


@torch.no_grad()
@pytest.mark.parametrize("lookahead_frames", [0, 2, 6])
@pytest.mark.parametrize("pieces", [[1], [2], [3, 1, 7], [40], [1000]], ids=str)
def test_pieces_of_any_size_give_the_frames_of_the_whole(pieces: list[int], lookahead_frames: int) -> None:
    net = network(lookahead_frames)
    features = torch.randn(2, 53, 6) * 3
    torch.testing.assert_close(streamed(net, features, pieces), net(features), rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("pieces", [[1], [3, 1, 7]], ids=str)
def test_rows_of_several_layers_stream_too(pieces: list[int]) -> None:
    net = network(feature_layers=3)
    net.mix.logits.copy_(torch.tensor([0.5, -1.0, 2.0]))
    features = torch.randn(2, 30, 6)
    assert net.input[1].in_features == 2
    torch.testing.assert_close(streamed(net, features, pieces), net(features), rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_recordings_shorter_than_the_look_ahead_stream_too(num_frames: int) -> None:
    net = network(lookahead_frames=2)
    features = torch.randn(1, num_frames, 6)
    assert net(features).shape == (1, num_frames, 3)
    torch.testing.assert_close(streamed(net, features, [1]), net(features), rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("lookahead_frames", [0, 3])
def test_a_prefix_of_the_input_gives_a_prefix_of_the_output(lookahead_frames: int) -> None:
    net = network(lookahead_frames)
    features = torch.randn(1, 40, 6)
    changed = features.clone()
    changed[:, 25:] += 5
    same, other = net(features), net(changed)
    settled = 25 - lookahead_frames
    torch.testing.assert_close(same[:, :settled], other[:, :settled], rtol=0, atol=1e-6)
    assert (same[:, settled] - other[:, settled]).abs().max() > 1e-3


@pytest.mark.parametrize("lookahead_frames", [0, 2])
def test_a_frame_depends_on_exactly_its_receptive_field(lookahead_frames: int) -> None:
    net = network(lookahead_frames, dilations=(1, 3))
    features = torch.randn(1, 60, 6, requires_grad=True)
    net(features)[0, 40].sum().backward()
    touched = features.grad[0].abs().sum(1).nonzero().flatten().tolist()
    last = 40 + lookahead_frames
    assert net.receptive_field_frames == 1 + 2 * (1 + 3)
    assert touched == list(range(last - net.receptive_field_frames + 1, last + 1))


@torch.no_grad()
def test_streams_in_one_batch_do_not_touch_each_other() -> None:
    net = network()
    features = torch.randn(3, 20, 6)
    alone = torch.cat([net(row[None]) for row in features])
    torch.testing.assert_close(net(features), alone, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_state_keeps_its_shapes_and_is_not_changed_in_place() -> None:
    net = network()
    state = net.init_state(2)
    before = [memory.clone() for memory in state]
    _, after = net.step(torch.randn(2, 5, 6), state)
    assert [memory.shape for memory in after] == [memory.shape for memory in state]
    assert all(torch.equal(memory, copy) for memory, copy in zip(state, before, strict=True))


@torch.no_grad()
def test_output_is_in_the_units_of_the_motion_statistics() -> None:
    net = network()
    motion = net(torch.randn(1, 200, 6) * 3)
    standardised = net.standardizer.standardised_motion(motion)
    torch.testing.assert_close(net.standardizer.motion(standardised), motion)
    assert standardised.abs().max() < 10 < 3 / 0.05  # in standard units, though the units differ 120-fold


@pytest.mark.parametrize(
    "wrong",
    [
        {"feature_layers": 4},
        {"feature_layers": 0},
        {"lookahead_frames": -1},
        {"kernel_size": 1},
        {"dilations": []},
        {"dilations": [1, 0]},
    ],
    ids=str,
)
def test_impossible_shapes_are_refused_by_name(wrong: dict) -> None:
    good = {
        "in_features": 6,
        "feature_layers": 1,
        "out_channels": 3,
        "hidden_size": 8,
        "kernel_size": 3,
        "dilations": [1],
        "dropout": 0.0,
        "input_dropout": 0.0,
        "lookahead_frames": 1,
    }
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CausalTCN(**{**good, **wrong})
