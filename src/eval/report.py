"""Reports as one page that needs nothing else: no network, no library, the video inside.

`Page` says what is on it, in plain frozen data that anybody can fill in; `write_page` turns it into
HTML. Every text is escaped: names of files are input of users.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from src.eval.blocks import Block, Definitions, block_html
from src.eval.charts import Line, histogram_chart, time_chart
from src.eval.metrics import Measurement
from src.eval.tables import Table, formatted
from src.files import replacing

TEMPLATE = Path(__file__).with_name("report.html")

LARGEST_VIDEO = 64 * 2**20
"""Bytes. Browsers grow slow with larger pages; half an hour of a talking portrait is below."""


@dataclass(frozen=True)
class Figure:
    """A number for readers.

    Attributes:
        label: a few words.
        value: the number or word; None is shown as a dash with `reason`.
        unit: behind the value; may be empty.
        definition: what it means, in a sentence or two.
        reason: why there is no value.
        note: small under the value where it stands large, such as its interval.
    """

    label: str
    value: float | int | str | None
    unit: str
    definition: str
    reason: str = ""
    note: str = ""

    @classmethod
    def of(cls, measurement: Measurement) -> "Figure":
        """A figure that says what its metric says."""
        metric = measurement.metric
        return cls(metric.label, measurement.value, metric.unit, metric.definition, measurement.reason)


@dataclass(frozen=True, eq=False)
class MouthCurves:
    """Mouth opening over the sound, all on the grid i / fps from the first audio sample.

    Attributes:
        fps: frames per second of all arrays.
        predicted: (T,) what the model said.
        envelope: (T,) loudness of the sound.
        reference: (T,) what a person did, if known.
        shown: (T,) what was found again in the pictures, if looked for.
        unit: of the curves.
    """

    fps: float
    predicted: NDArray[np.floating]
    envelope: NDArray[np.floating]
    reference: NDArray[np.floating] | None = None
    shown: NDArray[np.floating] | None = None
    unit: str = "of face size"

    def lines(self) -> list[Line]:
        """The curves that there are, the least important first."""
        named = [("reference", self.reference), ("shown", self.shown), ("predicted", self.predicted)]
        return [Line(name, name, values) for name, values in named if values is not None]


@dataclass(frozen=True)
class Latencies:
    """A distribution in milliseconds: bar edges and counts, and places to mark on it by name."""

    edges_ms: Sequence[float]
    counts: Sequence[int]
    marks_ms: Sequence[tuple[str, float]]
    definition: str


@dataclass(frozen=True)
class Page:
    """Everything on a report.

    Attributes:
        title, summary: what was done, in a line and in a sentence.
        headline: the few figures that matter most, shown large.
        figures: all others, in a table with their definitions; the headline's definitions stand there too.
        video: an mp4 to put inside the page; None for none. Above `LARGEST_VIDEO` only its name is given.
        curves, latencies: drawn if given.
        stages: name and seconds of each stage of the job.
        tables: anything else.
        blocks: what stands before the figures on pages that are not about a run.
        provenance: names and values: commit, versions, hashes, machine.
        definitions: what stands instead of the figures with their definitions, on pages whose figures are in tables.
    """

    title: str
    summary: str
    headline: Sequence[Figure]
    figures: Sequence[Figure] = ()
    video: Path | None = None
    curves: MouthCurves | None = None
    latencies: Latencies | None = None
    stages: Sequence[tuple[str, float]] = ()
    tables: Sequence[Table] = ()
    blocks: Sequence[Block] = ()
    provenance: Sequence[tuple[str, str]] = ()
    definitions: Definitions | None = None


def write_page(path: Path, page: Page) -> None:
    """Write the page as one HTML file, atomically."""
    with replacing(Path(path)) as unfinished:
        unfinished.write_text(page_html(page), "utf-8")


def page_html(page: Page) -> str:
    """The page as text."""
    sections = [
        _hero(page),
        _curves(page.curves) if page.curves else "",
        _latencies(page.latencies) if page.latencies else "",
        *(block_html(block) for block in page.blocks),
        _stages(page.stages) if page.stages else "",
        *(block_html(table) for table in page.tables),
        block_html(page.definitions) if page.definitions else _figures([*page.headline, *page.figures]),
        _provenance(page.provenance) if page.provenance else "",
    ]
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        title=escape(page.title),
        summary=escape(page.summary),
        sections="\n".join(section for section in sections if section),
        data=_script_data(page.curves),
    )


def _hero(page: Page) -> str:
    tiles = "".join(
        '<div class="tile">'
        f"<dt>{escape(figure.label)}</dt>"
        f"<dd><strong>{escape(formatted(figure.value, figure.unit))}</strong>"
        f"{f' <span>{escape(figure.unit)}</span>' if figure.unit and figure.value is not None else ''}"
        f"{f'<small>{escape(figure.reason)}</small>' if figure.value is None and figure.reason else ''}"
        f"{f'<small>{escape(figure.note)}</small>' if figure.note else ''}</dd>"
        "</div>"
        for figure in page.headline
    )
    if page.video is None:
        return f'<section class="hero"><dl class="tiles">{tiles}</dl></section>'
    if page.video.stat().st_size > LARGEST_VIDEO:
        note = f"The video is too large to put inside this page: {page.video.name}"
        return f'<section class="hero"><dl class="tiles">{tiles}</dl><p class="hint">{escape(note)}</p></section>'
    content = base64.b64encode(page.video.read_bytes()).decode("ascii")
    return (
        '<section class="hero with-video">'
        f'<video id="video" controls preload="auto" playsinline aria-label="{escape(page.title)}" '
        f'src="data:video/mp4;base64,{content}"></video>'
        f'<dl class="tiles">{tiles}</dl></section>'
    )


def _curves(curves: MouthCurves) -> str:
    lines = curves.lines()
    legend = "".join(
        f'<li class="{line.style}"><i></i>{escape(line.name)} <output data-line="{line.style}"></output></li>'
        for line in reversed(lines)
    )
    names = ", ".join(line.name for line in reversed(lines))
    chart = time_chart(lines, curves.envelope, curves.fps, curves.unit, f"Mouth opening over time: {names}")
    return (
        "<section><h2>Mouth opening and voice</h2>"
        f'<ul class="legend">{legend}<li class="loudness"><i></i>loudness</li></ul>'
        f'<div id="timeline" class="tall">{chart}</div>'
        '<p class="hint">Click the chart to jump there; with the chart in focus, the arrow keys step by one frame.</p>'
        "</section>"
    )


def _latencies(latencies: Latencies) -> str:
    if not latencies.counts:
        return ""
    marks = "".join(
        f'<li class="mark{number}"><i></i>{escape(name)} <output>{formatted(place, "ms")} ms</output></li>'
        for number, (name, place) in enumerate(latencies.marks_ms)
    )
    chart = histogram_chart(
        latencies.edges_ms, latencies.counts, latencies.marks_ms, "ms", "Histogram of latency: " + latencies.definition
    )
    return (
        f'<section><h2>Latency</h2><p>{escape(latencies.definition)}</p><ul class="legend">{marks}</ul>'
        f"<div>{chart}</div></section>"
    )


def _stages(stages: Sequence[tuple[str, float]]) -> str:
    longest = max([seconds for _, seconds in stages] + [1e-9])
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{formatted(seconds)} s</td>'
        f'<td class="meter" aria-hidden="true"><i style="width:{100 * seconds / longest:.1f}%"></i></td></tr>'
        for name, seconds in stages
    )
    total = formatted(sum(seconds for _, seconds in stages))
    return f'<section><h2>Stages <small>{total} s in all</small></h2><table class="stages">{rows}</table></section>'


def _figures(figures: Sequence[Figure]) -> str:
    rows = "".join(_figure(figure) for figure in figures)
    return f'<section><h2>All figures and what they mean</h2><dl class="figures">{rows}</dl></section>'


def _figure(figure: Figure) -> str:
    missing = figure.value is None
    unit = "" if missing else f" {escape(figure.unit)}"
    reason = f"<em>Not measured: {escape(figure.reason)}</em>" if missing and figure.reason else ""
    value = escape(formatted(figure.value, figure.unit))
    return (
        f'<div><dt>{escape(figure.label)}</dt><dd class="value">{value}{unit}</dd>'
        f'<dd class="meaning">{escape(figure.definition)}{reason}</dd></div>'
    )


def _provenance(rows: Sequence[tuple[str, str]]) -> str:
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows)
    return f'<section><h2>Where this comes from</h2><dl class="provenance">{items}</dl></section>'


def _script_data(curves: MouthCurves | None) -> str:
    """Curves for the playhead's read-out, as JSON that can't close its own script element."""
    data = None
    if curves is not None:
        lines = {line.style: [round(float(value), 4) for value in line.values] for line in curves.lines()}
        data = {"fps": curves.fps, "lines": lines}
    return json.dumps(data).replace("<", "\\u003c")
