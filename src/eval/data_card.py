"""The data card of a prepared store: what is in it, under which terms, how good its labels are, what was refused."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from src.eval.blocks import Block, Histogram, Histograms, Picture, Pictures
from src.eval.report import Figure, Page
from src.eval.tables import Cell, Flag, Table, formatted

MAX_REFUSALS = 500
"""Rows of refused sources on the page; `report.json` has them all."""

LARGE_NOISE = 0.05
"""Noise floors above this share of what the channel moves (1st to 99th percentile) catch the eye."""

LARGE_SATURATION = 0.05
WEAK_REFERENCE = 0.8

QA_NOTE = (
    "Over all frames that show the face. Dead: the channel moves by less than 1 % of its range, or by less than six "
    "times its noise. Noise: standard deviation while head and mouth keep still, median over clips. 1 %, 50 %, 99 %: "
    "percentiles of the values. Saturated: frames at an end of the range that isn't the neutral; at rest: at the "
    "neutral end. L/R r, L\u2212R: correlation and mean difference of both sides of the face. r arkit55: agreement of "
    "core7 with the blendshapes. r truth, lag: against the true motion where it is known, medians over clips; a "
    "positive lag is a late label. What is marked deserves a look; columns that nothing is known for are left out."
)


def data_card_page(report: Mapping[str, Any], strips: Sequence[tuple[str, str, bytes]]) -> Page:
    """The page of a store.

    Args:
        report: the content of the store's `report.json`, with `store` (`summarise_store`), `label_qa`, `blinks` and
            `label_qa_clips` (`LabelQa.as_dict`).
        strips: title, reason and PNG or JPEG bytes of clips to look at.
    """
    store = report["store"]
    blocks: list[Block] = [
        split_table(store["split"]),
        terms_table(store["terms"]),
        qa_table(report["label_qa"], report["label_qa_clips"], store["clips"]),
        *channel_histograms(report["label_qa"]),
        offset_histogram(store["offsets"]),
        footage_histograms(store["footage"]),
    ]
    if report.get("seconds_cut"):
        blocks.append(cut_table(report["seconds_cut"], report.get("cut", [])))
    blocks.append(reasons_table(report.get("reasons", {})))
    if report.get("rejected"):
        blocks.append(refusal_table(report["rejected"]))
    if strips:
        blocks.append(
            Pictures(
                "Clips to look at",
                [Picture(title, content, reason) for title, reason, content in strips],
                "The worst clips first, then ordinary ones. Outlines are the landmarks that the labels were measured "
                "on; shaded stretches were guessed rather than seen.",
            )
        )
    return Page(
        title=f"Data card: {store['clips']} clips, {formatted(store['minutes'])} minutes",
        summary=f"{store['speakers']} speakers and {store['languages']} known languages in "
        f"{', '.join(store['specs'])}; content hash {store['content_hash'][:12]}. This page shows people: share it "
        "as you may share their videos.",
        headline=headline_figures(report),
        figures=other_figures(report),
        blocks=blocks,
        stages=list(report.get("stages_seconds", {}).items()),
        provenance=provenance_rows(report),
    )


def headline_figures(report: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Six figures that say whether this is the data set one thought it was."""
    store = report["store"]
    dead = [name for name, channel in report["label_qa"].items() if channel["dead"]]
    return (
        Figure("Clips", store["clips"], "", "Good stretches of videos; each has its sound, its motion and its row."),
        Figure("Length", store["minutes"], "min", "Of all clips together."),
        Figure("Speakers", store["speakers"], "", "Different people; the parts of the split share none."),
        Figure("Languages", store["languages"], "", "Different known ones."),
        Figure("Refused", report.get("clips_rejected", 0), "sources", "Videos, or stretches that a manifest names, "
               "of which no clip was made; each has its reason below."),
        Figure("Dead channels", len(dead), f"of {len(report['label_qa'])}",
               "Channels that carry nothing, " + (f"here {', '.join(dead)}." if dead else "here none.")),
    )  # fmt: skip


def other_figures(report: Mapping[str, Any]) -> tuple[Figure, ...]:
    """What else is worth a number."""
    blinks, store = report["blinks"], report["store"]
    no_frames = "no frame shows a face"
    return (
        Figure("Refused footage", report.get("minutes_refused"), "min", "Length of the refused sources, as far as it "
               "could be read.", "it was not measured"),
        Figure("Cut footage", sum(report.get("seconds_cut", {}).values()) / 60, "min", "Length of the stretches that "
               "were cut out of sources of which the rest is used."),
        Figure("Blink rate", blinks["per_minute"], "per minute", "Over all frames that show the face. People blink 5 "
               "(reading) to 40 (talking) times a minute.", no_frames),
        Figure("Implausible blink rates", _percent(blinks["implausible"]), "", "Share of the clips of 20 s and more "
               f"({blinks['clips_judged']}) with less than 1 or more than 60 blinks per minute.", "no clip is so long"),
        Figure("Offset of sound and picture", store["offsets"]["median_ms"], "ms", "Median of the estimates that are "
               "reliable. Positive: the sound is late.", "no clip has a reliable estimate"),
        Figure("Speed", report.get("realtime_factor"), "times real time", "Seconds of clips made per second of "
               "waiting, in the run that made this page.", "nothing was made in this run"),
    )  # fmt: skip


def split_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Clips, minutes and speakers per part of the split, and per language within."""
    cells: list[list[Cell]] = [
        [
            row["split"] if row["language"] is None else "",
            "all" if row["language"] is None else row["language"],
            row["clips"],
            row["minutes"],
            row["speakers"],
        ]
        for row in rows
    ]
    return Table(
        "Split",
        ["part", "language", "clips", "minutes", "speakers"],
        cells,
        "No speaker is in two parts, as far as the labels of the speakers tell.",
        prose=(1,),
    )


def terms_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Under which terms the clips are."""
    cells = [[row["licence"], row["consent"], row["clips"], row["minutes"], row["speakers"]] for row in rows]
    return Table(
        "Licence and consent",
        ["licence", "consent", "clips", "minutes", "speakers"],
        cells,
        "As the manifests of the sources say it. What is unknown is not permitted: ask before you use or share it.",
        prose=(0, 1),
    )


def qa_table(channels: Mapping[str, Mapping[str, Any]], measured: int, total: int) -> Table:
    """One row per channel."""
    columns = [
        "channel", "state", "noise", "unit", "1 %", "50 %", "99 %", "saturated", "at rest", "L/R r", "L\u2212R",
        "r arkit55", "r truth", "lag, ms",
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for name, channel in channels.items():
        symmetry = channel["symmetry"] or {}
        reasons = channel["reasons"]
        low, high = channel["range"]["p1"], channel["range"]["p99"]
        noisy = None not in (channel["noise_floor"], low) and channel["noise_floor"] > LARGE_NOISE * (high - low)
        saturated = (channel["saturation"] or 0) > LARGE_SATURATION
        weak = channel["r_reference"] is not None and channel["r_reference"] < WEAK_REFERENCE
        rows.append(
            [
                name,
                _state(channel["dead"], reasons.get("dead", "")),
                _marked(
                    _small(channel["noise_floor"]), noisy, f"more than {LARGE_NOISE:.0%} of what the channel moves"
                ),
                channel["unit"],
                *(_small(channel["range"][key]) for key in ("p1", "p50", "p99")),
                _marked(_percent(channel["saturation"]), saturated, "more than one frame in twenty"),
                _percent(channel["at_rest"]),
                symmetry.get("r"),
                _small(symmetry.get("difference")),
                channel["r_arkit"],
                _marked(formatted(channel["r_reference"]), weak, f"below {WEAK_REFERENCE:g}"),
                formatted(channel["lag_reference_ms"], "ms"),
            ]
        )
    told = [index for index in range(len(columns)) if any(row[index] not in (None, "–") for row in rows)]
    columns, rows = [columns[index] for index in told], [[row[index] for index in told] for row in rows]
    sample = f" Measured on {measured} of {total} clips, evenly spread." if measured < total else ""
    return Table("Label quality", columns, rows, QA_NOTE + sample, prose=(columns.index("unit"),))


def channel_histograms(channels: Mapping[str, Mapping[str, Any]]) -> list[Histograms]:
    """The values of every channel, one group per motion specification."""
    groups = []
    for spec in dict.fromkeys(channel["spec"] for channel in channels.values()):
        items = [
            Histogram(name, channel["unit"], [], [], note=f"dead: {channel['reasons'].get('dead', '')}")
            if channel["dead"]
            else Histogram(name, channel["unit"], channel["histogram"]["edges"], channel["histogram"]["counts"])
            for name, channel in channels.items()
            if channel["spec"] == spec
        ]
        note = "One value in a thousand at either end is left out."
        groups.append(Histograms(f"Values of {spec}", "frames", items, note))
    return groups


def offset_histogram(offsets: Mapping[str, Any]) -> Histograms:
    """How far apart sound and picture are."""
    item = Histogram("sound later than picture", "ms", offsets["edges_ms"], offsets["reliable"], offsets["unsure"])
    return Histograms(
        "Offset of sound and picture",
        "clips",
        [item],
        "Estimated from how the mouth moves while the sound changes. Clips that are short, or say little, give no sure "
        "estimate.",
        ("reliable estimates", "unsure ones"),
    )


def footage_histograms(charts: Sequence[Mapping[str, Any]]) -> Histograms:
    """What the videos are like."""
    items = [
        Histogram(
            chart["name"],
            chart["unit"],
            chart["edges"],
            chart["counts"],
            note="" if chart["edges"] else f"{formatted(chart['everywhere'])} {chart['unit']} in all clips",
        )
        for chart in charts
    ]
    return Histograms("Footage", "clips", items)


def reasons_table(reasons: Mapping[str, int]) -> Table:
    """How many sources were refused for what."""
    return Table(
        "Refused sources by reason",
        ["reason", "sources"],
        [[code, count] for code, count in reasons.items()] or [["none", 0]],
        "docs/data_preparation.md has cause and remedy of each reason.",
    )


def cut_table(seconds: Mapping[str, float], sources: Sequence[Mapping[str, Any]]) -> Table:
    """Stretches that were cut out of sources, by reason."""
    stretches = Counter(stretch["reason"] for source in sources for stretch in source["cut"])
    rows: list[list[Cell]] = [
        [code, stretches[code], length] for code, length in sorted(seconds.items(), key=lambda item: -item[1])
    ]
    return Table(
        "Cut stretches by reason",
        ["reason", "stretches", "seconds"],
        rows,
        "The rest of such a source is in the store.",
    )


def refusal_table(rejected: Sequence[Mapping[str, str]]) -> Table:
    """Each refused source with its reason."""
    rows: list[list[Cell]] = []
    for each in rejected[:MAX_REFUSALS]:
        code, _, sentence = each["reason"].partition(": ")
        rows.append([each["path"], code, sentence])
    left_out = len(rejected) - len(rows)
    note = f"The first {len(rows)} of {len(rejected)}; report.json has them all." if left_out else ""
    search = "Search paths and reasons" if len(rows) > 10 else ""
    return Table(
        "Refused sources", ["source", "reason", "what was wrong, and what to do"], rows, note, (0, 1, 2), search
    )


def provenance_rows(report: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Hashes by which the same data can be known again, and what the machine and the settings were."""
    store = report["store"]
    rows = [
        ("Content hash", store["content_hash"]),
        ("Split hash", store["split_hash"]),
        (
            "Settings",
            ", ".join(store["config_hashes"])
            + (" (several: prepare again)" if len(store["config_hashes"]) > 1 else ""),
        ),
        ("Motion", ", ".join(store["specs"])),
        ("Sources", f"{store['sources']} videos"),
        ("Landmarks", f"kept for {store['landmarks']:.0%} of the clips"),
    ]
    if machine := report.get("machine"):
        rows += [
            ("Commit", machine["commit"] or "outside of a repository"),
            ("Machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"),
        ]
    return tuple(rows)


def _state(dead: bool | None, reason: str) -> Cell:
    if dead is None:
        return Flag("unknown", False, reason)
    return Flag("dead", True, reason) if dead else Flag("alive", False)


def _marked(text: str, is_bad: bool, hint: str) -> Cell:
    return Flag(text, True, hint) if is_bad else text


def _small(value: float | None) -> str:
    """Channel values are small: three significant digits, four decimals at most."""
    if value is None:
        return "–"
    text = f"{value:.4f}" if abs(value) < 0.1 else f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"
    return text.lstrip("-") if not any(digit in text for digit in "123456789") else text.replace("-", "\u2212")


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return "0 %" if share == 0 else f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"
