"""Which metrics stand beside each other in a table, under which short names, and in which direction they are good.

`truth` is said of everything that a person does too: too much jitter is as wrong as none, so that the row of the
truth is what to compare with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from src.eval.tables import Head

Better = Literal["higher", "lower", "truth", ""]


@dataclass(frozen=True)
class Column:
    """One metric of a table: its id, a short name for the head, where good values lie."""

    metric: str
    name: str
    better: Better


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that are read together."""

    title: str
    note: str
    columns: tuple[Column, ...]


GROUPS = (
    MetricGroup(
        "Lips against the truth",
        "Frame by frame, over the frames in which the true mouth was seen.",
        (
            Column("pearson_r", "Lip r", "higher"),
            Column("ccc", "Concordance", "higher"),
            Column("std_ratio", "Movement", "truth"),
            Column("lip_mae", "Error", "lower"),
            Column("mae", "Error", "lower"),
            Column("velocity_error", "Velocity error", "lower"),
        ),
    ),
    MetricGroup(
        "Timing",
        "Whether the mouth moves when it should. A lag above 0 is late.",
        (
            Column("lag", "Lag", "truth"),
            Column("peak_error", "Peak error", "lower"),
            Column("peak_f1", "Peaks found", "higher"),
            Column("mtm", "MTM", "lower"),
            Column("slcc", "SLCC", "truth"),
        ),
    ),
    MetricGroup(
        "Closures, silence and smoothness",
        "Where lips have to meet, where they have to rest, and how calmly they move.",
        (
            Column("closure_depth", "Closure depth", "truth"),
            Column("closure_recall", "Closures made", "higher"),
            Column("silence_std", "Spread in silence", "truth"),
            Column("silence_speed", "Speed in silence", "truth"),
            Column("silence_stability", "At rest in silence", "higher"),
            Column("jitter", "Jitter", "truth"),
            Column("jerk", "Jerk", "truth"),
            Column("high_frequency", "Above 8 Hz", "truth"),
        ),
    ),
    MetricGroup(
        "Landmarks",
        "Lips as points, in the published forms. Squared and root LVE are different numbers under one name.",
        (
            Column("lve_squared", "LVE, squared", "lower"),
            Column("lve_root", "LVE, root", "lower"),
            Column("lmd", "LMD", "lower"),
            Column("mod", "MOD", "lower"),
            Column("mve", "MVE", "lower"),
            Column("fdd_signed", "FDD, signed", "truth"),
            Column("fdd_absolute", "FDD, absolute", "lower"),
            Column("fdd_per_point", "FDD, per point", "lower"),
        ),
    ),
    MetricGroup(
        "Head and eyes",
        "How much they move, not whether they move like this speaker in this sentence: many movements are right.",
        (
            Column("head_range", "Head range", "truth"),
            Column("head_speed", "Head speed", "truth"),
            Column("beat_alignment", "Beat alignment", "truth"),
            Column("diversity", "Diversity", "truth"),
            Column("blink_rate", "Blinks", "truth"),
            Column("blink_duration", "Blink length", "truth"),
            Column("blink_interval", "Between blinks", "truth"),
        ),
    ),
    MetricGroup(
        "Sync expert",
        "What a network says that learned to tell mouths in time with their sound from mouths that are late or early. "
        "Its own accuracy stands below: nothing here is better than that.",
        (
            Column("sync_offset", "Offset", "truth"),
            Column("sync_confidence", "Confidence", "higher"),
            Column("sync_distance", "Distance", "lower"),
            Column("sync_accuracy", "Accuracy", "higher"),
        ),
    ),
)

OTHER = ("Other figures", "Figures that this page has no group for.")


def present_groups(measured: Iterable[str], metrics: Mapping[str, Mapping[str, Any]]) -> list[MetricGroup]:
    """The groups with the columns that were measured; what no group knows comes last, with its own label.

    Args:
        measured: ids of metrics that some row has a figure of, in the order to be shown.
        metrics: what they mean, by id: `label` and `unit`; what is not among them goes by its id.
    """
    wanted = list(dict.fromkeys(measured))
    groups = [
        MetricGroup(group.title, group.note, tuple(column for column in group.columns if column.metric in wanted))
        for group in GROUPS
    ]
    known = {column.metric for group in GROUPS for column in group.columns}
    rest = tuple(
        Column(metric, metrics.get(metric, {}).get("label", metric), "") for metric in wanted if metric not in known
    )
    return [group for group in (*groups, MetricGroup(*OTHER, rest)) if group.columns]


def head_of(column: Column, metrics: Mapping[str, Mapping[str, Any]]) -> Head:
    """The head of a column: short name, direction and unit; `metrics` as in `present_groups`."""
    return Head(column.name, column.better, unit_of(column, metrics))


def unit_of(column: Column, metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """The unit of a column; empty for none."""
    unit: str = metrics.get(column.metric, {}).get("unit", "")
    return unit


def decimals_of(values: Iterable[float | None], unit: str) -> int:
    """Decimals that a column needs: three significant digits of its larger values, two of those below 0.01; 6 at most.

    Zeros and missing values have no say: a truth that differs from itself by nothing needs no digits. Milliseconds
    have one decimal, as everywhere on our pages.
    """
    if unit == "ms":
        return 1
    sizes = sorted(abs(value) for value in values if value)
    if not sizes:
        return 2
    size = sizes[3 * len(sizes) // 4]
    decimals, least = 0, 100 if size >= 0.01 else 10
    while decimals < 6 and size * 10**decimals < least:
        decimals += 1
    return decimals
