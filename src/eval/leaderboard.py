"""Configurations of a sweep in order of their quality on validation data, with what each can be trusted to and costs.

A trial is one training; a configuration is what its trials share apart from the seed. Configurations are ranked by the
mean over their seeds, and equal trials give an equal order, whichever finished first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from src.eval.estimates import Estimate, difference, estimate
from src.eval.t_interval import Spread, t_interval

AxisValue = str | float | int | bool | None

Kind = Literal["search", "repeat", "control"]
State = Literal["done", "failed", "pruned", "unfinished"]


@dataclass(frozen=True)
class Objective:
    """What trials are judged by.

    Attributes:
        metric: its logged name, such as `val/lip_r`.
        mode: whether large values are good (`max`) or small ones (`min`).
    """

    metric: str
    mode: Literal["max", "min"]

    def goodness(self, value: float) -> float:
        """Larger is better."""
        return value if self.mode == "max" else -value


@dataclass(frozen=True)
class ClipScore:
    """How well one validation clip was predicted; `lip_r` is None where it is undefined."""

    speaker: str
    frames: int
    lip_r: float | None


@dataclass(frozen=True, eq=False)
class Entry:
    """One trial.

    Attributes:
        trial, number: its id and its place in the sweep.
        kind: of the search, a repetition with another seed, or a control.
        group: id of its configuration, whatever the seed.
        seed: of the training.
        axes: what was varied, by name.
        state: how it ended, if it did.
        error: why it failed or was stopped; empty if neither.
        value: the objective; None if it is not done.
        figures: further figures of the best epoch by their logged names.
        clips: the validation clips by id.
        num_parameters: of the network.
        latency_ms: algorithmic latency.
        cpu_ms: computing time per frame, median.
        epochs, seconds: of training.
        checkpoint: path of the best checkpoint relative to the sweep; empty for none.
        sha256: of the checkpoint.
        commit: of the code that trained it.
    """

    trial: str
    number: int
    kind: Kind
    group: str
    seed: int
    axes: Mapping[str, AxisValue]
    state: State
    error: str = ""
    value: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    clips: Mapping[str, ClipScore] = field(default_factory=dict)
    num_parameters: int | None = None
    latency_ms: float | None = None
    cpu_ms: float | None = None
    epochs: int | None = None
    seconds: float | None = None
    checkpoint: str = ""
    sha256: str = ""
    commit: str = ""


@dataclass(frozen=True, eq=False)
class Row:
    """A configuration.

    Attributes:
        group: its id.
        label: what was varied, for readers; unique in a leaderboard.
        is_control: a reference that models are held against.
        axes: what was varied, by name.
        entries: its finished trials, the best first.
        value: the objective over the seeds, with a t interval.
        over_speakers: lip r of the best seed, with a bootstrap interval over speakers.
    """

    group: str
    label: str
    is_control: bool
    axes: Mapping[str, AxisValue]
    entries: Sequence[Entry]
    value: Spread
    over_speakers: Estimate

    @property
    def best(self) -> Entry:
        """The trial with the best objective."""
        return self.entries[0]

    @property
    def mean(self) -> float:
        """The objective over the seeds."""
        assert self.value.value is not None  # a row has at least one finished trial
        return self.value.value

    @property
    def num_parameters(self) -> int | None:
        """Of the network."""
        return self.best.num_parameters

    @property
    def latency_ms(self) -> float | None:
        """Algorithmic latency."""
        return self.best.latency_ms

    @property
    def cpu_ms(self) -> float | None:
        """Computing time per frame, mean over the seeds."""
        return _mean(entry.cpu_ms for entry in self.entries)

    @property
    def epochs(self) -> float | None:
        """Mean over the seeds."""
        return _mean(entry.epochs for entry in self.entries)

    @property
    def seconds(self) -> float | None:
        """Of training, mean over the seeds."""
        return _mean(entry.seconds for entry in self.entries)

    def figure(self, name: str) -> float | None:
        """Mean over the seeds of a figure by its logged name."""
        return _mean(entry.figures.get(name) for entry in self.entries)


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """A sweep, ranked.

    Attributes:
        objective: what the order is made by.
        rows: configurations, the best first.
        controls: references, the best first.
        axes: names of what was varied.
        failed, pruned: trials that gave no figure, in their order.
        unfinished: trials that were begun or planned, and have no result yet.
        trials: all of them.
    """

    objective: Objective
    rows: Sequence[Row]
    controls: Sequence[Row]
    axes: Sequence[str]
    failed: Sequence[Entry]
    pruned: Sequence[Entry]
    unfinished: int
    trials: int

    @property
    def finished(self) -> int:
        """Trials with a figure."""
        return sum(len(row.entries) for row in (*self.rows, *self.controls))


def leaderboard(entries: Sequence[Entry], objective: Objective, *, draws: int, seed: int) -> Leaderboard:
    """Rank trials.

    Args:
        entries: all trials of the sweep, in any order.
        objective: what to rank by.
        draws, seed: of the bootstrap over speakers.
    """
    entries = sorted(entries, key=lambda entry: (entry.number, entry.trial))
    groups = defaultdict(list)
    for entry in entries:
        if entry.state == "done" and entry.value is not None:
            groups[entry.group].append(entry)
    labels = _labels({group: members[0] for group, members in groups.items()})
    rows = [_row(group, labels[group], members, objective, draws=draws, seed=seed) for group, members in groups.items()]
    rows.sort(key=lambda row: (-objective.goodness(row.mean), row.label, row.group))
    return Leaderboard(
        objective=objective,
        rows=[row for row in rows if not row.is_control],
        controls=[row for row in rows if row.is_control],
        axes=list(dict.fromkeys(name for entry in entries if entry.kind != "control" for name in entry.axes)),
        failed=[entry for entry in entries if entry.state == "failed"],
        pruned=[entry for entry in entries if entry.state == "pruned"],
        unfinished=sum(entry.state == "unfinished" for entry in entries),
        trials=len(entries),
    )


def finalists(rows: Sequence[Row]) -> list[Row]:
    """The configurations that were tried with most seeds, the best first.

    Of many configurations with one seed each, the first is partly the luckiest. A sweep repeats its best ones with
    further seeds, so the winner is sought among those that went through it.
    """
    most = max((len(row.entries) for row in rows), default=0)
    return [row for row in rows if len(row.entries) == most]


def advantage(row: Row, other: Row, *, draws: int, seed: int) -> Estimate:
    """How much larger the lip r of a configuration is than that of another, best seeds, on the clips of both.

    Args:
        row, other: of one leaderboard.
        draws, seed: of the bootstrap over speakers.
    """
    one, two = row.best.clips, other.best.clips
    shared = sorted(one.keys() & two.keys())
    return difference(
        [one[clip].lip_r for clip in shared],
        [two[clip].lip_r for clip in shared],
        [one[clip].frames for clip in shared],
        [one[clip].speaker for clip in shared],
        draws=draws,
        seed=seed,
    )


def pareto_front(rows: Sequence[Row], cost: Callable[[Row], float | None], objective: Objective) -> list[Row]:
    """The configurations that none beats: no other is at least as good and as cheap, and better in one of the two.

    Args:
        rows: configurations; those whose cost is unknown are left out.
        cost: what is paid, smaller is better.
        objective: what is got.

    Returns:
        The cheapest first. Equal ones are all in it.
    """
    priced = [(price, objective.goodness(row.mean), row) for row in rows if (price := cost(row)) is not None]
    front = [
        (price, good, row)
        for price, good, row in priced
        if not any(
            other_price <= price and other_good >= good and (other_price < price or other_good > good)
            for other_price, other_good, _ in priced
        )
    ]
    return [row for _, _, row in sorted(front, key=lambda each: (each[0], each[1], each[2].group))]


def axis_text(name: str, value: AxisValue) -> str:
    """A value of an axis, for readers: words speak for themselves, numbers need their name."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return f"{name} {str(value).lower() if value is not None else 'none'}"
    return f"{name} {value:g}"


def _row(group: str, label: str, members: Sequence[Entry], objective: Objective, *, draws: int, seed: int) -> Row:
    values = {entry.trial: entry.value for entry in members if entry.value is not None}
    ranked = sorted(members, key=lambda entry: (-objective.goodness(values[entry.trial]), entry.seed, entry.trial))
    clips = [clip for _, clip in sorted(ranked[0].clips.items())]
    over_speakers = estimate(
        [clip.lip_r for clip in clips],
        [clip.frames for clip in clips],
        [clip.speaker for clip in clips],
        draws=draws,
        seed=seed,
    )
    is_control = all(entry.kind == "control" for entry in members)
    spread = t_interval([values[entry.trial] for entry in ranked])
    return Row(group, label, is_control, ranked[0].axes, ranked, spread, over_speakers)


def _labels(firsts: Mapping[str, Entry]) -> dict[str, str]:
    """A text per group; those that would be alike get the start of their id."""
    texts = {
        group: " \u00b7 ".join(axis_text(name, value) for name, value in entry.axes.items()) or group[:8]
        for group, entry in firsts.items()
    }
    counts: dict[str, int] = defaultdict(int)
    for text in texts.values():
        counts[text] += 1
    return {group: f"{text} ({group[:8]})" if counts[text] > 1 else text for group, text in texts.items()}


def _mean(values: Iterable[float | int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
