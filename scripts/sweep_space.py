"""What a sweep tries: axes with their values, controls, and the best again with other seeds.

An axis is a key of `conf/train.yaml` with the values that it takes in turn. A point of the space is a list of overrides
for `scripts.train`; nothing here trains, and nothing depends on how long anything took.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from scripts.entry import quoted
from scripts.ledger import Trial, ranked
from src.errors import ConfigError

Kind = Literal["search", "repeat", "control"]

SEED = "seed"

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS = {"null", "true", "false", "nan", "inf"}


@dataclass(frozen=True)
class Point:
    """One thing to try.

    Attributes:
        kind: how it got into the sweep.
        axes: chosen values by the names of their axes; empty for controls.
        choice: the overrides that it differs by.
        seed: of its run.
    """

    kind: Kind
    axes: dict[str, Any]
    choice: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Axis:
    """One dimension of a space.

    Attributes:
        name: in tables.
        key: of `conf/train.yaml`, or one of its groups.
        values: to choose from; None for a range.
        low, high: of a range, both within.
        log: the range is even in the logarithm.
        integer: the range has whole numbers only.
        when: values of other axes, by name, that this one is there for; with others it isn't given.
    """

    name: str
    key: str
    values: tuple[Any, ...] | None
    low: float | None
    high: float | None
    log: bool
    integer: bool
    when: dict[str, tuple[Any, ...]]

    @classmethod
    def of(cls, name: str, given: Any) -> Self:
        """Read an axis of `conf/sweep/*.yaml`: a list of values, or a mapping.

        Raises:
            ConfigError: it has neither values nor a range, or a key that no axis has.
        """
        said = dict(given) if isinstance(given, Mapping) else {"values": given}
        known = {"key", "values", "low", "high", "log", "int", "when"}
        has_range = said.get("low") is not None and said.get("high") is not None
        if not set(said) <= known or bool(said.get("values")) == has_range:
            raise ConfigError(
                f"sweep.axes.{name}: {said} is no axis. Give a list of values, or a mapping with `values`, or with "
                f"`low` and `high`; further keys are {', '.join(sorted(known - {'values', 'low', 'high'}))}."
            )
        if has_range and (said["low"] >= said["high"] or (said.get("log") and said["low"] <= 0)):
            raise ConfigError(
                f"sweep.axes.{name}: from {said['low']} to {said['high']} is no range. `low` must be below `high`, and "
                "above 0 with `log`."
            )
        return cls(
            name=name,
            key=said.get("key", name),
            values=tuple(said["values"]) if said.get("values") else None,
            low=said.get("low"),
            high=said.get("high"),
            log=bool(said.get("log", False)),
            integer=bool(said.get("int", False)),
            when={
                other: tuple(wanted) if isinstance(wanted, Sequence) and not isinstance(wanted, str) else (wanted,)
                for other, wanted in (said.get("when") or {}).items()
            },
        )

    @property
    def range(self) -> tuple[float, float]:
        """Low and high of an axis without values."""
        assert self.low is not None, "an axis has values or a range"
        assert self.high is not None, "an axis has values or a range"
        return self.low, self.high

    def is_there(self, chosen: Mapping[str, Any]) -> bool:
        """Whether this axis is part of a point with these values so far."""
        return all(chosen.get(other) in wanted for other, wanted in self.when.items())


class Search(Protocol):
    """A way through a space: a class that `sweep.search._target_` names."""

    growing: tuple[str, ...]
    """Dotted keys of the definition that a later start may enlarge; a `*` stands for any part."""

    def points(self, space: "Space", done: Sequence[Trial]) -> list[Point]:
        """All points that can be named now, those that were named before first.

        Args:
            space: to choose from.
            done: search trials of the ledger in the order of their numbers, finished or not.
        """
        ...

    def is_over(self, space: "Space", done: Sequence[Trial]) -> bool:
        """Whether `points` will name no further ones."""
        ...

    def pruning(self, space: "Space", trial: Trial, done: Sequence[Trial]) -> dict[str, Any] | None:
        """What a trial is stopped early by, for `src.models.pruning`; None for nothing."""
        ...


@dataclass(frozen=True)
class Space:
    """Axes and what is run besides.

    Attributes:
        axes: in the order of the file.
        controls: overrides of each control.
        seed: of all trials whose axes have none, and of the search.
        best: how many configurations are repeated.
        seeds: that they are repeated with.
        mode: `max` or `min`, what is good.
    """

    axes: tuple[Axis, ...]
    controls: tuple[tuple[str, ...], ...]
    seed: int
    best: int
    seeds: tuple[int, ...]
    mode: str

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Self:
        """Read the definition of a sweep, `conf/sweep/<name>.yaml` as it was composed.

        Raises:
            ConfigError: an axis is none, or is limited by one that doesn't come before it.
        """
        axes = tuple(Axis.of(name, given) for name, given in definition["axes"].items() if given is not None)
        for index, axis in enumerate(axes):
            before = [other.name for other in axes[:index]]
            if unknown := [name for name in axis.when if name not in before]:
                raise ConfigError(
                    f"sweep.axes.{axis.name}: `when` names {', '.join(unknown)}, which is no axis above it. "
                    f"There are {', '.join(before) or 'none'}."
                )
        if definition["objective"]["mode"] not in ("min", "max"):
            raise ConfigError(f"sweep.objective.mode: {definition['objective']['mode']!r} is neither min nor max.")
        repeat = definition["repeat"]
        return cls(
            axes=axes,
            controls=tuple(tuple(overrides) for overrides in definition["controls"]),
            seed=definition["seed"],
            best=repeat["best"],
            seeds=tuple(repeat["seeds"]),
            mode=definition["objective"]["mode"],
        )

    def point(self, chosen: Mapping[str, Any]) -> Point:
        """The point of the search with these values by the names of their axes."""
        overrides = tuple(override(axis.key, chosen[axis.name]) for axis in self._others if axis.name in chosen)
        return Point("search", dict(chosen), overrides, self._seed_of(chosen))

    def control_points(self) -> list[Point]:
        """The references that every figure is read against."""
        return [Point("control", {}, overrides, self.seed) for overrides in self.controls]

    def repeats(self, searched: Sequence[Trial]) -> list[Point]:
        """The best configurations with further seeds, once the search is over."""
        groups: dict[str, Trial] = {}
        for trial in ranked(searched, self.mode):
            groups.setdefault(trial.group, trial)
        return [
            Point("repeat", {**trial.axes, **({SEED: seed} if SEED in trial.axes else {})}, trial.choice, seed)
            for trial in list(groups.values())[: self.best]
            for seed in self.seeds
        ]

    @property
    def _others(self) -> Iterator[Axis]:
        return (axis for axis in self.axes if axis.key != SEED)

    def _seed_of(self, chosen: Mapping[str, Any]) -> int:
        return next((chosen[axis.name] for axis in self.axes if axis.key == SEED and axis.name in chosen), self.seed)


class Grid:
    """Every value of every axis with every other."""

    growing = ("axes.*", "axes.*.values")

    def points(self, space: Space, done: Sequence[Trial]) -> list[Point]:
        """The last axis changes fastest.

        Raises:
            ConfigError: an axis has a range instead of values.
        """
        if ranges := [axis.name for axis in space.axes if axis.values is None]:
            raise ConfigError(
                f"sweep.axes.{ranges[0]}: a grid needs values, not a range. Give a list, or search with Optuna."
            )
        points: list[Point] = []
        for values in itertools.product(*(axis.values or () for axis in space.axes)):
            chosen: dict[str, Any] = {}
            for axis, value in zip(space.axes, values, strict=True):
                if axis.is_there(chosen):
                    chosen[axis.name] = value
            if chosen and all(point.axes != chosen for point in points):
                points.append(space.point(chosen))
        return points

    def is_over(self, space: Space, done: Sequence[Trial]) -> bool:
        """There are no further points, but all of these must have ended."""
        return all(trial.result for trial in done)

    def pruning(self, space: Space, trial: Trial, done: Sequence[Trial]) -> None:
        """A grid is for comparing: nothing is stopped early."""
        return None


def override(key: str, value: Any) -> str:
    """`key=value` in Hydra's grammar, for values as YAML gives them."""
    return f"{key}={_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else quoted(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(_text(item) for item in value) + "]"
    return json.dumps(value)
