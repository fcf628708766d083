"""What each choice of a sweep is worth: differences between configurations that differ in nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import fmean

from src.eval.leaderboard import AxisValue, Row
from src.eval.t_interval import Spread, t_interval

MOST_WORDS = 4


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
    """The effect of the values of every axis.

    Numbers are compared with the next larger one, and the smallest with the largest; words each with each, or with the
    first one where there are more than `MOST_WORDS`.

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
    for base, other in _comparisons(values):
        pairs = [(members[base], members[other]) for members in contexts.values() if {base, other} <= members.keys()]
        changes = [change for pair in pairs if (change := _change(*pair)) is not None]
        if changes:
            effects.append(AxisEffect(axis, base, other, t_interval(changes)))
    return effects


def _comparisons(values: Sequence[AxisValue]) -> list[tuple[AxisValue, AxisValue]]:
    """Which values of an axis are held against which."""
    if all(_order(value)[0] == 0 for value in values):
        return [*pairwise(values), *([(values[0], values[-1])] if len(values) > 2 else [])]
    if len(values) <= MOST_WORDS:
        return list(combinations(values, 2))
    return [(values[0], value) for value in values[1:]]


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
