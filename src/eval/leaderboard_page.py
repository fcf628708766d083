"""The page of a leaderboard: who leads and by how much, what quality costs, which choice matters, what failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from src.eval.axis_effects import AxisEffect, axis_effects
from src.eval.blocks import Block, Chart, Definition, Definitions
from src.eval.estimates import Estimate
from src.eval.interval_chart import IntervalRow, interval_chart
from src.eval.leaderboard import Entry, Leaderboard, Row, axis_text, pareto_front
from src.eval.leaderboard_table import COLUMNS, failure_table, leaderboard_table
from src.eval.parallel_chart import Coordinate, Course, parallel_chart
from src.eval.report import Figure, Page
from src.eval.scatter_chart import Level, Mark, scatter_chart
from src.eval.tables import Cell, Interval, Table, written

COSTS = {
    "latency": ("algorithmic latency, ms", "Quality against algorithmic latency"),
    "cpu": ("CPU, ms per frame", "Quality against computing time"),
}
"""Axis and title of what quality is held against."""


@dataclass(frozen=True, eq=False)
class Winner:
    """What `checkpoint=best` means.

    Attributes:
        row: the configuration; None if none may be it.
        entry: its best trial that may be it.
        against: by how much its lip r is above that of each control, by the control's label.
        passed_over: better trials that may not be it, each with the reason.
    """

    row: Row | None
    entry: Entry | None
    against: Mapping[str, Estimate]
    passed_over: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Subject:
    """Which sweep it is about.

    Attributes:
        name: of the sweep.
        names: of its axes, for readers; others keep their own.
        colour_by: the axis whose values have a colour each.
        provenance: names and values: data, commits, seeds.
    """

    name: str
    names: Mapping[str, str]
    colour_by: str
    provenance: Sequence[tuple[str, str]]


def leaderboard_page(board: Leaderboard, winner: Winner, subject: Subject) -> Page:
    """The page of a sweep."""
    blocks: list[Block] = []
    if winner.against:
        blocks.append(control_table(winner))
    blocks += [pareto_chart(board, subject, "latency"), pareto_chart(board, subject, "cpu")]
    blocks.append(leaderboard_table(board, subject.names, winner.row))
    effects = axis_effects(board.rows, board.axes)
    blocks += [effect_chart(effects, board, subject)] if effects else []
    blocks.append(parallel_block(board, winner, subject))
    if winner.passed_over:
        blocks.append(passed_over_table(winner))
    if board.failed or board.pruned:
        blocks.append(failure_table(board))
    return Page(
        title=f"Leaderboard of {subject.name}",
        summary=summary(board, winner),
        headline=headline_figures(board, winner),
        blocks=blocks,
        definitions=definitions(board),
        provenance=subject.provenance,
    )


def summary(board: Leaderboard, winner: Winner) -> str:
    """What the sweep found, in two sentences."""
    waiting = f" No result yet: {board.unfinished} of {board.trials} trials." if board.unfinished else ""
    if winner.row is None:
        return f"No configuration can be named best so far.{waiting}"
    of = f"{_counted(len(board.rows), 'configuration')} by {board.objective.metric}"
    place = 1 + list(board.rows).index(winner.row)
    leader = f"{winner.row.label} is the best of {of}"
    if place > 1:
        leader = f"{winner.row.label}, at place {place} of {of}, is the best of those that {_eligible(board, winner)}"
    sure = [label for label, estimate in winner.against.items() if (estimate.low or 0.0) > 0.0]
    unsure = [label for label in winner.against if label not in sure]
    beats = f", above {' and '.join(sure)} with 95 % confidence over speakers" if sure else ""
    doubt = f", but not surely above {' and '.join(unsure)}" if unsure else ""
    return f"{leader}{beats}{doubt}. Validation data chose it; test data have not been looked at here.{waiting}"


def headline_figures(board: Leaderboard, winner: Winner) -> tuple[Figure, ...]:
    """The figures that say whether the sweep was worth it."""
    ended = Figure(
        "Trials with a figure", f"{board.finished} of {board.trials}", "", "Trainings that ended well.",
        note=_not_finished(board),
    )  # fmt: skip
    row = winner.row
    if row is None:
        return (Figure(board.objective.metric, None, "", "Of the best configuration.", "none is finished"), ended)
    closest = min(winner.against.items(), key=lambda item: item[1].value if item[1].value is not None else 0.0,
                  default=None)  # fmt: skip
    over = [] if closest is None else [
        Figure(f"Lip r above {closest[0]}", _rounded(closest[1].value), "", "Of the best seed, on the same clips.",
               closest[1].reason, note=_ends(closest[1].low, closest[1].high, "over speakers"))
    ]  # fmt: skip
    return (
        Figure(
            board.objective.metric, _rounded(row.mean), "", "Of the best configuration, mean over its seeds.",
            note=_ends(row.value.low, row.value.high, f"over {row.value.count} seeds") or "one seed: no interval",
        ),
        *over,
        Figure("Algorithmic latency", row.latency_ms, "ms", "Of the best configuration."),
        Figure("CPU per frame", _rounded(row.cpu_ms, 2), "ms", "Of the best configuration.", "not measured"),
        ended,
    )  # fmt: skip


def definitions(board: Leaderboard) -> Definitions:
    """What the columns of the leaderboard mean."""
    items = [
        Definition(board.objective.metric if name == "objective" else name, "", text) for name, text in COLUMNS.items()
    ]
    return Definitions("What the columns mean", items)


def control_table(winner: Winner) -> Table:
    """The best configuration against every control, on the same clips."""
    rows: list[list[Cell]] = [
        [label, Interval(estimate.value, estimate.low, estimate.high, estimate.reason, 3), estimate.clips,
         estimate.speakers, _verdict(estimate)]
        for label, estimate in winner.against.items()
    ]  # fmt: skip
    note = (
        "How much larger the lip r of the best configuration is, best seed against best seed, with a 95 % interval by "
        "bootstrap over speakers. Both predict the same clips, so that easy and hard speakers cancel."
    )
    columns = ["control", "lip r above it", "clips", "speakers", "verdict"]
    return Table("Against the controls", columns, rows, note, (4,))


def pareto_chart(board: Leaderboard, subject: Subject, cost: str) -> Chart:
    """Quality against `latency` or `cpu`."""
    price = {"latency": lambda row: row.latency_ms, "cpu": lambda row: row.cpu_ms}[cost]
    shown = [row for row in board.rows if price(row) is not None]
    series = list(dict.fromkeys(_series(row, subject) for row in sorted(shown, key=lambda row: _series(row, subject))))
    places = {row.group: place for place, row in enumerate(board.rows, 1)}
    by_seeds = any(row.value.low is not None for row in shown)
    marks = [
        Mark(
            float(price(row) or 0.0),
            row.mean,
            *((row.value.low, row.value.high) if by_seeds else (row.over_speakers.low, row.over_speakers.high)),
            series.index(_series(row, subject)),
            row.label,
            f"#{places[row.group]}",
        )
        for row in shown
    ]
    front = pareto_front(shown, price, board.objective)
    x_name, title = COSTS[cost]
    whisker = (
        "95 % t intervals over seeds, where there are several"
        if by_seeds
        else "95 % intervals over speakers, which all points share much of"
    )
    note = (
        "Each point is a configuration, #1 the first of the leaderboard. Filled ones are on the front: none is as good "
        f"and cheaper. The line is the best that can be had at each price. Whiskers: {whisker}. Points at the same "
        "place stand side by side. Dashed: controls."
    )
    drawing = scatter_chart(
        marks,
        [shown.index(row) for row in front],
        [Level(row.label, row.mean) for row in board.controls],
        series=series,
        x_name=x_name,
        y_name=board.objective.metric,
        better="up" if board.objective.mode == "max" else "down",
    )
    return Chart(title, note, drawing)


def effect_chart(effects: Sequence[AxisEffect], board: Leaderboard, subject: Subject) -> Chart:
    """What each choice is worth."""
    rows = [
        IntervalRow(
            f"{_value(effect.base)} \u2192 {_value(effect.other)}",
            effect.change.value,
            effect.change.low,
            effect.change.high,
            style="model" if _is_clear(effect) else "control",
            note=f"{subject.names.get(effect.axis, effect.axis)}, {_counted(effect.change.count, 'pair')}",
            reason=effect.change.reason,
        )
        for effect in effects
    ]
    note = (
        f"Change of {board.objective.metric} between configurations that differ in nothing else, mean over the matched "
        "pairs and 95 % t interval over them: whether it depends on the other choices. Coloured where it leaves out 0."
    )
    drawing = interval_chart(
        rows, quantity="change", unit=board.objective.metric, decimals=3, including=(0.0,), band=None
    )
    return Chart("What each choice is worth", note, drawing)


def parallel_block(board: Leaderboard, winner: Winner, subject: Subject) -> Chart:
    """All configurations at once; choices that all of them share are left out."""
    axes = [axis for axis in board.axes if len({repr(row.axes.get(axis)) for row in board.rows}) > 1]
    chosen = {axis: sorted({_value(row.axes.get(axis)) for row in board.rows}, key=_order) for axis in axes}
    courses = [
        Course(row.label, [chosen[axis].index(_value(row.axes.get(axis))) for axis in axes], row.mean,
               row is winner.row)
        for row in board.rows
    ]  # fmt: skip
    drawing = parallel_chart(
        [Coordinate(subject.names.get(axis, axis), chosen[axis]) for axis in axes],
        courses,
        quality=board.objective.metric,
        mode=board.objective.mode,
    )
    note = "One line per configuration. Within a value, lines lie in the order of their quality."
    legend = (("good", "good"), ("poor", "poor"), ("best", "checkpoint=best"))
    return Chart("Choices and what came of them", note, drawing, legend if axes else ())


def passed_over_table(winner: Winner) -> Table:
    """Better trials that `checkpoint=best` does not mean."""
    note = "They were better, but the live loop can't use them, or the file is not the one that was judged."
    return Table("Passed over", ["trial", "reason"], list(winner.passed_over), note, (1,))


def _series(row: Row, subject: Subject) -> str:
    value = row.axes.get(subject.colour_by)
    return "all" if value is None else axis_text(subject.names.get(subject.colour_by, subject.colour_by), value)


def _eligible(board: Leaderboard, winner: Winner) -> str:
    """What those above the winner lack."""
    assert winner.row is not None  # there is a winner
    seeds = len(winner.row.entries)
    lacks = ["the live loop can use"] if winner.passed_over else []
    if len(board.rows[0].entries) < seeds:
        lacks.insert(0, f"were tried with {seeds} seeds")
    return " and ".join(lacks) or "may be named"


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _order(text: str) -> tuple[int, float, str]:
    """Numbers by size, then words."""
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text


def _is_clear(effect: AxisEffect) -> bool:
    low, high = effect.change.low, effect.change.high
    return low is not None and high is not None and (low > 0 or high < 0)


def _verdict(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return estimate.reason
    if estimate.low > 0:
        return "better"
    return "worse" if estimate.high < 0 else "can't be told apart"


def _ends(low: float | None, high: float | None, over: str) -> str:
    return "" if low is None or high is None else f"{written(low, 3)} \u2026 {written(high, 3)}, 95 % {over}"


def _not_finished(board: Leaderboard) -> str:
    counts = ((len(board.failed), "failed"), (len(board.pruned), "pruned"), (board.unfinished, "unfinished"))
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _rounded(value: float | None, decimals: int = 3) -> str | None:
    return None if value is None else written(value, decimals)
