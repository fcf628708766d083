"""Values and intervals stand where their axis says, missing ones leave an empty row, and no text is trusted."""

import re

import pytest

from src.eval.interval_chart import IntervalRow, axis_of, interval_chart
from tests.eval.test_report import EVIL, Reader

MODEL = IntervalRow("model", 0.5, 0.25, 0.75, "model")


def chart(*rows: IntervalRow, band: IntervalRow | None = None) -> str:
    return interval_chart(rows, quantity="Lip r", unit="", decimals=2, including=(0.0, 1.0), band=band)


def place(html: str, style: str) -> tuple[float, ...]:
    found = re.search(rf'class="{style}" style="left:([\d.]+)%(?:;width:([\d.]+)%)?', html)
    assert found
    return tuple(float(number) for number in found.groups() if number is not None)


def test_dot_interval_and_band_stand_where_the_axis_says() -> None:
    # The axis is 0 .. 1 with 3 % margin on each side.
    def across(value: float) -> float:
        return 100 * (value + 0.03) / 1.06

    html = chart(MODEL, band=MODEL)
    assert place(html, "dot") == pytest.approx([across(0.5)], abs=0.01)
    for style in ("whisker", "band"):
        assert place(html, style) == pytest.approx([across(0.25), 50 / 1.06], abs=0.01)
    assert place(html, "tick zero") == pytest.approx([across(0.0)], abs=0.01)


def test_an_axis_shows_every_end_of_every_interval() -> None:
    low, high = axis_of([MODEL, IntervalRow("wild", -1.0, -3.0, 2.0)], including=(0.0,))
    assert (low, high) == pytest.approx((-3.15, 2.15))
    assert axis_of([IntervalRow("nothing", None)]) == (0.0, 1.0)
    low, high = axis_of([IntervalRow("alone", 4.0)])
    assert low < 4.0 < high


def test_values_are_text_with_their_intervals() -> None:
    text = " ".join(Reader(chart(MODEL)).text)
    assert "0.50 0.25 … 0.75" in text
    assert "model" in text


def test_one_speaker_is_a_dot_without_an_interval_and_says_why() -> None:
    html = chart(IntervalRow("model", 0.5, reason="one speaker"), band=None)
    assert "whisker" not in html
    assert "band" not in html
    assert 'title="one speaker"' in html


def test_a_missing_value_is_a_dash_beside_an_empty_row() -> None:
    html = chart(IntervalRow("mean pose", None, reason="the predicted curve is constant"))
    assert "dot" not in html
    assert "–" in " ".join(Reader(html).text)
    assert 'title="the predicted curve is constant"' in html


def test_names_are_escaped() -> None:
    reader = Reader(chart(IntervalRow(EVIL, 0.1, style=EVIL, note=EVIL, reason=EVIL)))
    assert reader.open == []
    assert not {"img", "script"} & {tag for tag, _ in reader.elements}
    assert EVIL in "".join(reader.text)
