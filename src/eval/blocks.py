"""Parts that pages are put together from: tables, charts, pictures. Plain data in, HTML out, all text escaped."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from src.eval.charts import histogram_chart
from src.eval.tables import Table, note_html, table_html

PNG = b"\x89PNG"


@dataclass(frozen=True)
class Chart:
    """A drawing under a heading.

    Attributes:
        title, note: above it.
        svg: made by one of our chart modules, which escaped every text inside; it is put on the page as it is.
        legend: CSS class and name of what is drawn; empty for none.
    """

    title: str
    note: str
    svg: str
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Definition:
    """What a word of a page means; `facts` stand small below the word, `source` below its meaning."""

    word: str
    facts: str
    meaning: str
    source: str = ""


@dataclass(frozen=True)
class Definitions:
    """Words and their meanings under a heading."""

    title: str
    items: Sequence[Definition]
    note: str = ""


@dataclass(frozen=True)
class Histogram:
    """A distribution.

    Attributes:
        name: of the quantity.
        unit: of the quantity.
        edges: (N + 1,) ascending; none for no chart but the note.
        counts: (N,).
        pale: (N,) further counts, drawn lighter above the others; empty for none.
        note: under the name.
    """

    name: str
    unit: str
    edges: Sequence[float]
    counts: Sequence[int]
    pale: Sequence[int] = ()
    note: str = ""


@dataclass(frozen=True)
class Histograms:
    """Distributions side by side under a heading.

    Attributes:
        title, note: above them.
        counted: what the bars count.
        items: one chart each.
        legend: names of the full and of the pale bars; empty for none.
    """

    title: str
    counted: str
    items: Sequence[Histogram]
    note: str = ""
    legend: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with its title and a sentence; `content` are the bytes of a PNG or JPEG file."""

    title: str
    content: bytes
    note: str = ""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Wide pictures under a heading, one below the other."""

    title: str
    items: Sequence[Picture]
    note: str = ""


Block = Table | Chart | Definitions | Histograms | Pictures


def block_html(block: Block) -> str:
    """The block as a section of a page."""
    if isinstance(block, Table):
        return table_html(block)
    if isinstance(block, Chart):
        return _chart(block)
    if isinstance(block, Definitions):
        return _definitions(block)
    return _histograms(block) if isinstance(block, Histograms) else _pictures(block)


def _chart(chart: Chart) -> str:
    entries = "".join(f'<li class="{escape(style)}"><i></i>{escape(name)}</li>' for style, name in chart.legend)
    legend = f'<ul class="legend">{entries}</ul>' if entries else ""
    return f"<section><h2>{escape(chart.title)}</h2>{note_html(chart.note)}{legend}{chart.svg}</section>"


def _definitions(block: Definitions) -> str:
    items = "".join(
        f"<div><dt>{escape(item.word)}{_small(item.facts)}</dt><dd>{escape(item.meaning)}{_small(item.source)}</dd></div>"
        for item in block.items
    )
    return (
        f'<section><h2>{escape(block.title)}</h2>{note_html(block.note)}<dl class="definitions">{items}</dl></section>'
    )


def _small(text: str) -> str:
    return f"<small>{escape(text)}</small>" if text else ""


def _histograms(block: Histograms) -> str:
    charts = "".join(_histogram(item, block.counted) for item in block.items)
    legend = ""
    if block.legend:
        entries = "".join(
            f'<li class="{style}"><i></i>{escape(name)}</li>'
            for style, name in zip(("full", "pale"), block.legend, strict=True)
        )
        legend = f'<ul class="legend">{entries}</ul>'
    several = " several" if len(block.items) > 1 else ""
    return (
        f"<section><h2>{escape(block.title)}</h2>{note_html(block.note)}{legend}"
        f'<div class="charts{several}">{charts}</div></section>'
    )


def _histogram(item: Histogram, counted: str) -> str:
    note = f"<small>{escape(item.note)}</small>" if item.note else ""
    head = f"<figcaption><strong>{escape(item.name)}</strong>{note}</figcaption>"
    if not len(item.counts):
        return f"<figure>{head}</figure>"
    label = f"Histogram of {item.name}"
    chart = histogram_chart(item.edges, item.counts, (), item.unit, label, counted=counted, pale=item.pale)
    return f"<figure>{head}{chart}</figure>"


def _pictures(block: Pictures) -> str:
    items = "".join(
        f"<figure><figcaption><strong>{escape(item.title)}</strong>"
        f"{f'<small>{escape(item.note)}</small>' if item.note else ''}</figcaption>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(item.title)}">'
        f'<img alt="{escape(item.title)}: {escape(item.note)}" '
        f'src="data:image/{"png" if item.content.startswith(PNG) else "jpeg"};base64,'
        f'{base64.b64encode(item.content).decode("ascii")}"></div></figure>'
        for item in block.items
    )
    return (
        f'<section><h2>{escape(block.title)}</h2>{note_html(block.note)}<div class="pictures">{items}</div></section>'
    )
