from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from scripts.sweep_space import Axis, Grid, Space, override
from src.errors import ConfigError


def space(axes: dict[str, Any], **changed: Any) -> Space:
    said = {"objective": {"metric": "val/lip_r", "mode": "max"}, "controls": [], "seed": 0}
    return Space.of({**said, "axes": axes, "repeat": {"best": 0, "seeds": []}, **changed})


@pytest.mark.parametrize(
    "value",
    ["tcn", "src.models.losses.L2", "null", "True", "two words", "it's", "", "5", 5, 0.002, 1e-7, True, None,
     [1, 2, 4], ["a b", None], {"weight": 0.5, "name": "x y"}],
)  # fmt: skip
def test_an_override_says_its_value_to_hydra(value: Any) -> None:
    (parsed,) = OverridesParser.create().parse_overrides([override("models.key", value)])
    found = parsed.value()
    assert found == value
    assert type(found) is type(value)


def test_a_grid_changes_its_last_axis_fastest() -> None:
    axes = {"models": ["tcn", "lstm"], "lookahead": {"key": "models.net.lookahead_frames", "values": [0, 2]}}
    points = Grid().points(space(axes), [])
    assert [point.choice for point in points] == [
        ("models=tcn", "models.net.lookahead_frames=0"),
        ("models=tcn", "models.net.lookahead_frames=2"),
        ("models=lstm", "models.net.lookahead_frames=0"),
        ("models=lstm", "models.net.lookahead_frames=2"),
    ]
    assert points[1].axes == {"models": "tcn", "lookahead": 2}


def test_an_axis_may_belong_to_some_values_of_another() -> None:
    heads = {"key": "models.net.num_heads", "values": [2, 4], "when": {"models": "transformer"}}
    points = Grid().points(space({"models": ["tcn", "transformer"], "heads": heads}), [])
    assert [point.choice for point in points] == [
        ("models=tcn",),
        ("models=transformer", "models.net.num_heads=2"),
        ("models=transformer", "models.net.num_heads=4"),
    ]


def test_seeds_may_be_an_axis() -> None:
    points = Grid().points(space({"models": ["tcn"], "seed": [3, 4]}), [])
    assert [(point.choice, point.seed) for point in points] == [(("models=tcn",), 3), (("models=tcn",), 4)]


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ([], "is no axis"),
        ({"key": "models.net.dropout"}, "is no axis"),
        ({"values": [1], "low": 0, "high": 1}, "is no axis"),
        ({"values": [1], "step": 2}, "is no axis"),
        ({"low": 2, "high": 1}, "from 2 to 1 is no range"),
        ({"low": 0, "high": 1, "log": True}, "above 0 with `log`"),
    ],
)
def test_an_axis_that_is_none_is_named(axis: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"sweep.axes.lr: .*{said}"):
        Axis.of("lr", axis)


def test_what_a_space_can_not_be_is_said() -> None:
    with pytest.raises(ConfigError, match="`when` names models, which is no axis above it. There are none"):
        space({"heads": {"values": [1], "when": {"models": "tcn"}}, "models": ["tcn"]})
    with pytest.raises(ConfigError, match="'up' is neither min nor max"):
        space({}, objective={"metric": "x", "mode": "up"})
    with pytest.raises(ConfigError, match="a grid needs values, not a range"):
        Grid().points(space({"lr": {"low": 0.1, "high": 1}}), [])
