"""What each choice of a sweep is worth: differences between configurations that differ in nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from src.eval.leaderboard import AxisValue, Row
from src.eval.t_interval import Spread, t_interval


@dataclass(frozen=True)
class AxisEffect:
    """How the objective changes with one choice.

    Attributes:
        axis: its name.
        base, other: the two values.
        change: objective with `other` minus objective with `base`, over the matched pairs, with a t interval.
    """

    axis: str
    base: AxisValue
    other: AxisValue
    change: Spread


def axis_effects(rows: Sequence[Row], axes: Sequence[str]) -> list[AxisEffect]:
    """The effect of every pair of values of every axis.

    Two configurations are a matched pair if they differ in this axis alone. Only seeds that both were trained with are
    compared, so that a configuration which was repeated has no advantage. The interval is over pairs: how much the
    effect depends on the other choices, and not what other speakers would say.

    Args:
        rows: configurations, without controls.
        axes: names of what was varied.

    Returns:
        Largest mean change of the axes first; an axis without a matched pair is left out.
    """
    found = [effect for axis in axes for effect in _of_axis(rows, axis)]
    largest: dict[str, float] = {}
    for effect in found:
        largest[effect.axis] = max(largest.get(effect.axis, 0.0), abs(effect.change.value or 0.0))
    return sorted(found, key=lambda effect: (-largest[effect.axis], effect.axis, -abs(effect.change.value or 0.0)))


def _of_axis(rows: Sequence[Row], axis: str) -> list[AxisEffect]:
    contexts: dict[tuple[tuple[str, str], ...], dict[AxisValue, Row]] = {}
    for row in sorted(rows, key=lambda row: row.group):
        if axis in row.axes:
            rest = tuple(sorted((name, repr(value)) for name, value in row.axes.items() if name != axis))
            contexts.setdefault(rest, {}).setdefault(row.axes[axis], row)
    values = sorted({value for members in contexts.values() for value in members}, key=_order)
    effects = []
    for base, other in combinations(values, 2):
        pairs = [(members[base], members[other]) for members in contexts.values() if {base, other} <= members.keys()]
        changes = [change for pair in pairs if (change := _change(*pair)) is not None]
        if changes:
            effects.append(AxisEffect(axis, base, other, t_interval(changes)))
    return effects


def _change(base: Row, other: Row) -> float | None:
    """Mean over the seeds of both; None if they share none."""
    before, after = ({entry.seed: entry.value for entry in row.entries} for row in (base, other))
    changes = [
        late - early
        for seed, early in before.items()
        if early is not None and (late := after.get(seed)) is not None
    ]  # fmt: skip
    return fmean(changes) if changes else None


def _order(value: AxisValue) -> tuple[int, float, str]:
    """Numbers by size, then words."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, float(value), "") if is_number else (1, 0.0, str(value))  # type: ignore[arg-type]
