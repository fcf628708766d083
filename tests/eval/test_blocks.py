"""Blocks keep what they are given and trust no text."""

from src.eval.blocks import Chart, Definition, Definitions, block_html
from tests.eval.test_report import EVIL, Reader


def test_a_chart_keeps_its_drawing_and_escapes_its_words() -> None:
    html = block_html(Chart(EVIL, EVIL, '<svg role="img"></svg>', [("predicted", EVIL), (EVIL, "b")]))
    assert '<svg role="img"></svg>' in html
    elements = Reader(html).elements
    assert {tag for tag, _ in elements} == {"section", "h2", "p", "ul", "li", "i", "svg"}
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)


def test_definitions_say_word_facts_meaning_and_source() -> None:
    items = [Definition("Lag", "lag, ms", "How late it is.", "us"), Definition(EVIL, EVIL, EVIL, EVIL)]
    reader = Reader(block_html(Definitions("Words", items, "A note.")))
    assert reader.open == []
    assert [text for text in reader.text if text.strip()][:6] == [
        "Words", "A note.", "Lag", "lag, ms", "How late it is.", "us"
    ]  # fmt: skip
    assert "img" not in {tag for tag, _ in reader.elements}
