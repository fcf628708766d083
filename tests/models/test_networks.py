"""What every network promises, held against all of them: one network, two roads, the same frames."""

import importlib
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from src.errors import ConfigError
from src.models.energy import SpeechEnergy
from src.models.lstm import MotionLSTM
from src.models.mean_pose import MeanPose
from src.models.network import MotionNetwork
from src.models.tcn import CausalTCN
from src.models.transformer import CausalTransformer
from src.motion import CORE7

IN_FEATURES = 6
OUT_CHANNELS = CORE7.size
ROWS_PER_HOUR = 90_000

SIZES = {"in_features": IN_FEATURES, "feature_layers": 1, "out_channels": OUT_CHANNELS}
LEARNED = {
    "hidden_size": 16,
    "dropout": 0.3,
    "input_dropout": 0.1,
    "style_size": 0,
    "style_dropout": 0.5,
    "lookahead_frames": 2,
}
TCN = (CausalTCN, {**LEARNED, "kernel_size": 3, "dilations": [1, 2, 4]})
LSTM = (MotionLSTM, {**LEARNED, "num_layers": 2, "bidirectional": False, "warmup_frames": 5})
TRANSFORMER = (
    CausalTransformer,
    {
        **LEARNED,
        "num_layers": 2,
        "num_heads": 2,
        "feed_forward_size": 24,
        "context_frames": 7,
        "attention_dropout": 0.2,
        "warmup_frames": 5,
    },
)
ENERGY = (
    SpeechEnergy,
    {
        "extractor": "src.data.features.LogMel",
        "n_mfcc": None,
        "keep_c0": None,
        "spec": "core7",
        "channel": "jaw_open",
        "lookahead_frames": 2,
    },
)
MEAN_POSE = (MeanPose, {})

Family = tuple[type[MotionNetwork], dict]
learned = pytest.mark.parametrize("family", [TCN, LSTM, TRANSFORMER], ids=["tcn", "lstm", "transformer"])
listening = pytest.mark.parametrize(
    "family", [TCN, LSTM, TRANSFORMER, ENERGY], ids=["tcn", "lstm", "transformer", "energy"]
)
every = pytest.mark.parametrize(
    "family", [TCN, LSTM, TRANSFORMER, ENERGY, MEAN_POSE], ids=["tcn", "lstm", "transformer", "energy", "mean_pose"]
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from a second thread, and on a busy machine wait for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network(family: Family, **changes: object) -> MotionNetwork:
    """A small network with statistics that differ from channel to channel."""
    torch.manual_seed(0)
    make, settings = family
    net = make(**{**SIZES, **settings, **changes})
    net.standardizer.set_statistics(
        feature_mean=torch.linspace(-5, 5, IN_FEATURES),
        feature_std=torch.linspace(0.5, 2, IN_FEATURES),
        silence=torch.full((IN_FEATURES,), -11.0),
        motion_mean=torch.linspace(0.4, -1, OUT_CHANNELS),
        motion_std=torch.tensor([0.05, 0.02, 0.02, 6.0, 5.0, 4.0, 0.1]),
    )
    for name, weight in net.named_parameters():
        if "bias" in name or "modulation" in name:  # zeros would hide what they do
            torch.nn.init.normal_(weight, std=0.3)
    return net.eval()


def streamed(net: MotionNetwork, features: Tensor, pieces: list[int], speakers: Tensor | None = None) -> Tensor:
    """All frames of `features` (B, T, F), pushed in pieces that cycle through the given sizes."""
    silence = net.standardizer.silence.expand(len(features), net.lookahead_frames, -1)
    rows, state = torch.cat([features, silence], 1), net.init_state(len(features), speakers)
    frames, start, turn = [], 0, 0
    while start < rows.shape[1]:
        size = pieces[turn % len(pieces)]
        frame, state = net.step(rows[:, start : start + size], state)
        frames.append(frame)
        start, turn = start + size, turn + 1
    return torch.cat(frames, 1)[:, net.lookahead_frames :]


def assert_same(net: MotionNetwork, motion: Tensor, expected: Tensor) -> None:
    """Equal to 1e-5 of each channel's deviation."""
    unit = net.standardizer.motion_std
    torch.testing.assert_close(motion / unit, expected / unit, rtol=0, atol=1e-5)


@torch.no_grad()
@listening
@pytest.mark.parametrize("lookahead_frames", [0, 2, 6])
@pytest.mark.parametrize("pieces", [[1], [2], [3, 1, 7], [40], [1000]], ids=str)
def test_pieces_of_any_size_give_the_frames_of_the_whole(
    family: Family, pieces: list[int], lookahead_frames: int
) -> None:
    net = network(family, lookahead_frames=lookahead_frames)
    features = torch.randn(2, 53, IN_FEATURES) * 3
    assert_same(net, streamed(net, features, pieces), net(features))


@torch.no_grad()
@learned
@pytest.mark.parametrize("pieces", [[1], [3, 1, 7]], ids=str)
def test_rows_of_several_layers_stream_too(family: Family, pieces: list[int]) -> None:
    net = network(family, feature_layers=3)
    net.mix.logits.copy_(torch.tensor([0.5, -1.0, 2.0]))
    features = torch.randn(2, 30, IN_FEATURES)
    assert net.input[1].in_features == IN_FEATURES // 3
    assert_same(net, streamed(net, features, pieces), net(features))


@torch.no_grad()
@every
@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_recordings_shorter_than_the_look_ahead_stream_too(family: Family, num_frames: int) -> None:
    net = network(family)
    features = torch.randn(1, num_frames, IN_FEATURES)
    assert net(features).shape == (1, num_frames, OUT_CHANNELS)
    assert_same(net, streamed(net, features, [1]), net(features))


@torch.no_grad()
@listening
@pytest.mark.parametrize("lookahead_frames", [0, 3])
def test_a_prefix_of_the_input_gives_a_prefix_of_the_output(family: Family, lookahead_frames: int) -> None:
    net = network(family, lookahead_frames=lookahead_frames)
    features = torch.randn(1, 40, IN_FEATURES)
    changed = features.clone()
    changed[:, 25:] += 5
    same, other = net(features), net(changed)
    settled = 25 - lookahead_frames
    assert_same(net, same[:, :settled], other[:, :settled])
    assert (same[:, settled] - other[:, settled]).abs().max() > 1e-3


@listening
@pytest.mark.parametrize("lookahead_frames", [0, 2])
def test_a_frame_depends_on_exactly_its_receptive_field(family: Family, lookahead_frames: int) -> None:
    net = network(family, lookahead_frames=lookahead_frames)
    features = torch.randn(1, 60, IN_FEATURES, requires_grad=True)
    net(features)[0, 40].sum().backward()
    touched = features.grad[0].abs().sum(1).nonzero().flatten().tolist()
    last = 40 + lookahead_frames
    first = 0 if net.receptive_field_frames is None else last - net.receptive_field_frames + 1
    assert touched == list(range(first, last + 1))


@listening
def test_the_past_that_warms_a_network_up_is_inside_its_receptive_field(family: Family) -> None:
    net = network(family)
    assert net.streams
    assert net.warmup_frames >= 0
    if net.receptive_field_frames is not None:
        assert net.warmup_frames <= net.receptive_field_frames - 1


@torch.no_grad()
@every
def test_streams_in_one_batch_do_not_touch_each_other(family: Family) -> None:
    net = network(family)
    features = torch.randn(3, 20, IN_FEATURES)
    assert_same(net, net(features), torch.cat([net(row[None]) for row in features]))


@torch.no_grad()
@every
@pytest.mark.parametrize("num_rows", [1, 5, 50])
def test_the_state_keeps_its_shapes_and_is_not_changed_in_place(family: Family, num_rows: int) -> None:
    net = network(family)
    _, state = net.step(torch.randn(2, 3, IN_FEATURES), net.init_state(2))
    before = [memory.clone() for memory in state]
    _, after = net.step(torch.randn(2, num_rows, IN_FEATURES), state)
    assert [memory.shape for memory in after] == [memory.shape for memory in net.init_state(2)]
    assert all(torch.equal(memory, copy) for memory, copy in zip(state, before, strict=True))


@torch.no_grad()
@every
def test_two_streams_of_one_network_do_not_touch_each_other(family: Family) -> None:
    net = network(family)
    features = torch.randn(2, 12, IN_FEATURES)
    alone = [streamed(net, row[None], [1]) for row in features]
    states, frames = [net.init_state(1), net.init_state(1)], [[], []]
    for row in torch.cat([features, net.standardizer.silence.expand(2, net.lookahead_frames, -1)], 1).unbind(1):
        for i in range(2):
            frame, states[i] = net.step(row[i][None, None], states[i])
            frames[i].append(frame)
    for i in range(2):
        assert torch.equal(torch.cat(frames[i], 1)[:, net.lookahead_frames :], alone[i])


@torch.no_grad()
@learned
def test_output_is_in_the_units_of_the_motion_statistics(family: Family) -> None:
    net = network(family)
    standardised = net.standardizer.standardised_motion(net(torch.randn(1, 200, IN_FEATURES) * 3))
    assert 0.01 < standardised.abs().max() < 10  # in standard units, though the units differ 300-fold


@torch.no_grad()
@every
def test_an_hour_streams_like_the_whole_in_constant_memory(family: Family) -> None:
    net = network(family)
    features = torch.randn(1, ROWS_PER_HOUR, IN_FEATURES)
    state, frames, held, start = net.init_state(1), [], set(), 0
    while start < ROWS_PER_HOUR:
        for size in (400, 25, 174, 1):
            frame, state = net.step(features[:, start : start + size], state)
            frames.append(frame)
            start += frame.shape[1]
        held.add(tuple((memory.shape, memory.untyped_storage().nbytes()) for memory in state))
    assert len(held) == 1
    assert_same(net, torch.cat(frames, 1)[:, net.lookahead_frames :], net(features)[:, : start - net.lookahead_frames])


@torch.no_grad()
@every
def test_the_configuration_builds_the_network_again(family: Family) -> None:
    net = network(family)
    net.set_speakers(3)
    again = type(net)(**net.config).eval()
    again.load_state_dict(net.state_dict())
    features = torch.randn(1, 15, IN_FEATURES)
    assert again.config == net.config
    assert torch.equal(again(features), net(features))


@every
def test_the_configuration_is_of_plain_types(family: Family) -> None:
    net = network(family)
    assert all(isinstance(value, int | float | str | bool | list | None) for value in net.config.values())
    assert getattr(importlib.import_module(type(net).__module__), type(net).__qualname__) is type(net)


def with_speakers(family: Family, num_speakers: int = 3, **changes: object) -> MotionNetwork:
    """A network whose styles differ visibly."""
    net = network(family, style_size=4, **changes)
    net.set_speakers(num_speakers)
    torch.nn.init.normal_(net.style.table)
    return net


@torch.no_grad()
@learned
def test_speakers_have_styles_and_unknown_ones_that_of_number_0(family: Family) -> None:
    net = with_speakers(family)
    features = torch.randn(1, 20, IN_FEATURES).expand(4, -1, -1)
    motion = net(features, torch.arange(4))
    assert_same(net, net(features[:1]), motion[:1])
    assert all((motion[i] - motion[j]).abs().max() > 1e-3 for i in range(4) for j in range(i))


@torch.no_grad()
@learned
@pytest.mark.parametrize("pieces", [[1], [3, 1, 7]], ids=str)
def test_a_stream_keeps_its_style(family: Family, pieces: list[int]) -> None:
    net = with_speakers(family)
    features, speakers = torch.randn(3, 20, IN_FEATURES), torch.tensor([2, 0, 1])
    assert_same(net, streamed(net, features, pieces, speakers), net(features, speakers))
    state = net.init_state(3, speakers)
    _, after = net.step(features, state)
    assert state[-1].shape == (3, 4)
    assert torch.equal(after[-1], net.style.table[speakers])


@learned
def test_ids_are_dropped_in_training_only(family: Family) -> None:
    net = with_speakers(family)
    ids = torch.full((400,), 2)
    unknown, known = net.style.table[0], net.style.table[2]
    assert torch.equal(net.init_state(400, ids)[-1], known.expand(400, -1))
    dropped = (net.train().init_state(400, ids)[-1] == unknown).all(1)
    assert 140 < int(dropped.sum()) < 260  # half of 400, give or take six deviations


@every
def test_networks_without_styles_take_speakers_and_ignore_them(family: Family) -> None:
    net = network(family)
    before, config = [tuple(memory.shape) for memory in net.init_state(2)], dict(net.config)
    net.set_speakers(5)
    features = torch.randn(2, 6, IN_FEATURES)
    assert torch.equal(net(features, torch.tensor([5, 0])), net(features))
    assert [tuple(memory.shape) for memory in net.init_state(2)] == before
    assert net.config == config


@learned
def test_gradients_reach_every_weight_in_training(family: Family) -> None:
    net = with_speakers(family, feature_layers=3).train()
    net(torch.randn(8, 20, IN_FEATURES), torch.arange(8) % 4).square().sum().backward()
    assert not [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()]


@learned
@pytest.mark.parametrize(
    "wrong",
    [
        {"feature_layers": 4},
        {"feature_layers": 0},
        {"lookahead_frames": -1},
        {"style_size": -1},
        {"style_dropout": 1.5},
        {"num_speakers": -1},
    ],
    ids=str,
)
def test_impossible_settings_are_refused_by_name(family: Family, wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        network(family, **wrong)


@pytest.mark.parametrize("family", [TCN, LSTM, TRANSFORMER], ids=["tcn", "lstm", "transformer"])
@pytest.mark.parametrize("left_out", ["style_size", "style_dropout", "lookahead_frames", "hidden_size", "dropout"])
def test_no_setting_has_a_default(family: Family, left_out: str) -> None:
    make, settings = family
    with pytest.raises(TypeError, match=left_out):
        make(**SIZES, **{name: value for name, value in settings.items() if name != left_out})
