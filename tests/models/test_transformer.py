"""What is special about attention; what all networks promise is in `test_networks.py`."""

import pytest
import torch
from torch.nn import functional as F

from src.errors import ConfigError
from src.models.transformer import CausalTransformer, WindowedAttention

SETTINGS = {
    "in_features": 6,
    "feature_layers": 1,
    "out_channels": 3,
    "hidden_size": 8,
    "num_layers": 2,
    "num_heads": 2,
    "feed_forward_size": 12,
    "context_frames": 5,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "input_dropout": 0.0,
    "lookahead_frames": 1,
    "warmup_frames": 4,
    "style_size": 0,
    "style_dropout": 0.0,
}


@torch.no_grad()
def test_attention_is_that_of_pytorch_with_a_mask_and_a_bias() -> None:
    torch.manual_seed(0)
    attention = WindowedAttention(hidden_size=8, num_heads=2, context_frames=3, dropout=0.0)
    torch.nn.init.normal_(attention.bias)
    rows, before = torch.randn(1, 6, 8), torch.randn(1, 3, 8)
    cache, present = attention.key_value(before), torch.ones(1, 9)
    result, _ = attention(rows, cache, present)

    known = torch.cat([before, rows], 1)
    key, value = (part.view(1, 9, 2, 4).transpose(1, 2) for part in attention.key_value(known).chunk(2, 2))
    query = attention.query(rows).view(1, 6, 2, 4).transpose(1, 2)
    mask = torch.full((2, 6, 9), -torch.inf)
    for i in range(6):
        for distance in range(4):
            mask[:, i, i + 3 - distance] = attention.bias[:, distance]
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    expected = attention.output(expected.transpose(1, 2).reshape(1, 6, 8))
    torch.testing.assert_close(result, expected)


@torch.no_grad()
def test_rows_before_the_start_of_a_stream_have_no_weight() -> None:
    torch.manual_seed(0)
    attention = WindowedAttention(hidden_size=8, num_heads=2, context_frames=3, dropout=0.0)
    rows = torch.randn(1, 2, 8)
    present = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0]])
    empty, _ = attention(rows, torch.zeros(1, 3, 16), present)
    other, _ = attention(rows, torch.randn(1, 3, 16) * 5, present)
    assert torch.equal(empty, other)
    first = attention.output(attention.key_value(rows[:, :1])[..., 8:])  # it has nobody but itself to attend to
    torch.testing.assert_close(empty[:, :1], first)


@torch.no_grad()
def test_where_a_stream_is_in_time_does_not_matter() -> None:
    torch.manual_seed(0)
    net = CausalTransformer(**SETTINGS).eval()
    features = torch.randn(1, 40, 6)
    late = torch.cat([torch.randn(1, 500, 6), features], 1)
    settled = net.receptive_field_frames - 1
    torch.testing.assert_close(net(late)[:, 500 + settled :], net(features)[:, settled:], rtol=0, atol=1e-6)


def test_the_state_is_a_cache_per_layer_and_which_rows_there_were() -> None:
    net = CausalTransformer(**SETTINGS)
    assert [tuple(memory.shape) for memory in net.init_state(3)] == [(3, 5, 16), (3, 5, 16), (3, 5)]
    _, state = net.step(torch.randn(3, 2, 6), net.init_state(3))
    assert state[2].tolist() == [[0.0, 0.0, 0.0, 1.0, 1.0]] * 3
    assert net.receptive_field_frames == 1 + 2 * 5
    assert net.warmup_frames == 4


@pytest.mark.parametrize(
    "wrong",
    [{"lookahead_frames": -1}, {"warmup_frames": -1}, {"num_layers": 0}, {"context_frames": 0}, {"num_heads": 3}],
    ids=str,
)
def test_impossible_settings_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CausalTransformer(**{**SETTINGS, **wrong})
