"""Every metric of ours has its place in a table, and columns have as many decimals as they need."""

import pytest

from src.eval.clip_figures import FIGURES
from src.eval.metric_groups import GROUPS, decimals_of, head_of, present_groups
from src.eval.tables import Head

METRICS = {"lag": {"label": "Lip lag", "unit": "ms"}, "apples": {"label": "Apples", "unit": "g"}}


def test_every_figure_of_clips_belongs_to_one_group() -> None:
    known = [column.metric for group in GROUPS for column in group.columns]
    assert len(known) == len(set(known))
    assert set(FIGURES) <= set(known)


def test_groups_hold_what_was_measured_and_the_rest_comes_last() -> None:
    groups = present_groups(["apples", "lag", "pears"], METRICS)
    assert [(group.title, [column.name for column in group.columns]) for group in groups] == [
        ("Timing", ["Lag"]),
        ("Other figures", ["Apples", "pears"]),
    ]
    assert head_of(groups[0].columns[0], METRICS) == Head("Lag", "truth", "ms")


@pytest.mark.parametrize(
    ("values", "unit", "decimals"),
    [
        ([0.5, 0.6, 0.7, 0.8, 1.0, None, 0.0], "", 3),
        ([0.9, 1.0, 1.1], "", 2),
        ([12.0, 3.0], "", 1),
        ([388.0], "", 0),
        ([388.0], "ms", 1),
        ([0.0032, 0.0035], "", 4),
        ([0.00018], "", 5),
        ([1e-9], "", 6),
        ([None, 0.0], "", 2),
    ],
)
def test_a_column_has_three_digits_of_its_larger_values(values: list[float | None], unit: str, decimals: int) -> None:
    assert decimals_of(values, unit) == decimals
