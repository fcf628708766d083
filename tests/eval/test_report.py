"""The page stands alone, says everything, and trusts no text."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from src.eval.metrics import PEARSON_R, Measurement
from src.eval.report import Figure, Latencies, MouthCurves, Page, page_html, write_page
from src.eval.tables import Table, formatted

EVIL = "</script><img src=x onerror=alert(1)>\"'&.wav"


class Reader(HTMLParser):
    """Collects text, attributes and unclosed elements of a page."""

    VOID = ("meta", "link", "br", "img", "polyline", "polygon", "line", "rect", "i/")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


@pytest.fixture
def page(tmp_path: Path) -> Page:
    video = tmp_path / "talking.mp4"
    video.write_bytes(b"not really a video")
    jaw = 0.2 + 0.1 * np.sin(np.arange(100) / 3)
    return Page(
        title=f"astronaut speaks {EVIL}",
        summary="Four seconds.",
        headline=(Figure("Frame rate", 25.0, "fps", "Pictures per second."),),
        figures=(
            Figure.of(Measurement(PEARSON_R, 0.8765)),
            Figure("A/V offset", None, "ms", "Picture against sound.", f"no face in {EVIL}"),
            Figure("Pictures", 12345, "", "All of them."),
        ),
        video=video,
        curves=MouthCurves(25.0, jaw, np.abs(np.sin(np.arange(100))), reference=jaw + 0.01, shown=jaw[:97]),
        latencies=Latencies(
            [100.0, 110.0, 120.0], [3, 7], [("median", 112.0), ("presentation", 150.0)], "Until shown."
        ),
        stages=(("prepare", 61.5), ("train", 120.25)),
        tables=(Table("Computing time", ["stage", "median"], [["render", 6.54]], "In ms."),),
        provenance=(("Commit", "abc123"), ("source", EVIL)),
    )


def test_every_figure_stands_on_the_page_with_value_unit_and_definition(page: Page) -> None:
    text = re.sub("[ \n]+", " ", " ".join(Reader(page_html(page)).text))
    for figure in (*page.headline, *page.figures):
        assert figure.label in text
        assert figure.definition in text
        assert formatted(figure.value, figure.unit) in text
    for words in ("25.0 fps", "0.876", "61.5 s", "181.8 s in all", "Until shown.", "abc123"):
        assert words in text


def test_what_was_not_measured_is_a_dash_with_its_reason_and_no_number(page: Page) -> None:
    text = " ".join(Reader(page_html(page)).text)
    assert f"Not measured: no face in {EVIL}" in text
    assert formatted(None) == "–"


def test_nothing_on_the_page_is_loaded_from_elsewhere(page: Page) -> None:
    html = page_html(page)
    assert not re.search(r"(https?:)?//[a-z0-9]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html), re.I)
    for tag, attributes in Reader(html).elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "poster", "data", "action"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
    assert "default-src 'none'" in html


def test_text_of_users_can_not_become_markup(page: Page) -> None:
    reader = Reader(page_html(page))
    assert reader.open == []
    assert [tag for tag, _ in reader.elements].count("script") == 2
    assert "img" not in [tag for tag, _ in reader.elements]
    assert all("onerror" not in attributes for _, attributes in reader.elements)
    assert f"astronaut speaks {EVIL}" in "".join(reader.text)


def test_the_video_and_the_curves_are_inside(page: Page) -> None:
    html = page_html(page)
    source = next(attributes["src"] for tag, attributes in Reader(html).elements if tag == "video")
    assert source is not None
    assert base64.b64decode(source.removeprefix("data:video/mp4;base64,")) == b"not really a video"
    stored = re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.S)
    assert stored
    data = json.loads(stored.group(1))
    assert data["fps"] == 25.0
    assert {name: len(values) for name, values in data["lines"].items()} == {
        "predicted": 100,
        "shown": 97,
        "reference": 100,
    }


def test_pictures_are_described_and_parts_in_use_can_be_reached_by_keyboard(page: Page) -> None:
    elements = Reader(page_html(page)).elements
    for tag, attributes in elements:
        if tag in ("svg", "video"):
            assert attributes.get("aria-label")
    assert any(attributes.get("tabindex") == "0" for _, attributes in elements)
    assert next(attributes for tag, attributes in elements if tag == "html").get("lang") == "en"


def test_a_page_of_figures_alone_is_a_page(page: Page) -> None:
    bare = replace(page, video=None, curves=None, latencies=None, stages=(), tables=(), provenance=())
    reader = Reader(page_html(bare))
    assert reader.open == []
    assert not {"video", "svg"} & {tag for tag, _ in reader.elements}


def test_a_video_too_large_for_a_page_is_named_instead(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.eval.report.LARGEST_VIDEO", 5)
    reader = Reader(page_html(page))
    assert "video" not in {tag for tag, _ in reader.elements}
    assert "too large to put inside this page: talking.mp4" in " ".join(reader.text)


def test_write_page_makes_one_file(page: Page, tmp_path: Path) -> None:
    write_page(tmp_path / "made" / "report.html", page)
    assert [file.name for file in (tmp_path / "made").iterdir()] == ["report.html"]
    assert (tmp_path / "made" / "report.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (24.9925, "fps", "25.0"),
        (0.98765, "", "0.988"),
        (0.00012, "", "0.000"),
        (-0.0608, "ms", "−0.1"),
        (-0.04, "ms", "0.0"),
        (129.54, "ms", "129.5"),
        (1234.5, "", "1234"),
        (0.0, "", "0.00"),
        (3, "", "3"),
        (1332, "", "1\u202f332"),
        (None, "ms", "–"),
        ("wall", "", "wall"),
    ],
)
def test_values_are_rounded_for_readers(value: float | str | None, unit: str, text: str) -> None:
    assert formatted(value, unit) == text
