"""The data card says what report.json says, marks what is bad, and trusts no text."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from src.eval.blocks import Histogram, Histograms, Picture, Pictures, block_html
from src.eval.data_card import MAX_REFUSALS, data_card_page, qa_table, refusal_table
from src.eval.report import page_html, write_page
from src.eval.tables import Flag, Table
from tests.eval.test_report import EVIL, Reader

PICTURE = b"\x89PNG not really a picture"


def channel(**changes: Any) -> dict[str, Any]:
    return {
        "spec": "core7", "unit": "ratio", "minimum": 0.0, "maximum": 0.5, "dead": False, "noise_floor": 0.004,
        "range": {"p1": 0.0, "p50": 0.06, "p99": 0.24}, "spread": 0.26, "saturation": 0.0, "at_rest": 0.02,
        "symmetry": {"r": 0.99, "difference": 0.001, "of": "lip gap"}, "r_arkit": None, "r_reference": 0.97,
        "lag_reference_ms": 1.5, "histogram": {"edges": [0.0, 0.1, 0.2], "counts": [9, 1]}, "reasons": {},
    } | changes  # fmt: skip


@pytest.fixture
def report() -> dict[str, Any]:
    return {
        "clips_rejected": 2,
        "reasons": {"no_audio": 1, "small_face": 1},
        "rejected": [
            {"path": EVIL, "reason": f"no_audio: the file has no sound. {EVIL}"},
            {"path": "b.mp4", "reason": "small_face: the face is 40 pixels high."},
        ],
        "seconds_cut": {"shot_change": 12.5},
        "cut": [{"path": "a.mp4", "cut": [{"start_s": 1.0, "end_s": 13.5, "reason": "shot_change"}]}],
        "stages_seconds": {"decode": 10.0, "landmarks": 30.0},
        "label_qa": {
            "jaw_open": channel(),
            "head_yaw": channel(unit="degrees", symmetry=None, r_reference=0.5, reasons={"symmetry": "a head is one"}),
            "cheekPuff": channel(
                spec="arkit55", dead=True, noise_floor=None, r_reference=None, symmetry=None, lag_reference_ms=None,
                range={"p1": 0.0, "p50": 0.0, "p99": 0.0}, reasons={"dead": f"it moves by nothing {EVIL}"},
            ),
        },
        "label_qa_clips": 3,
        "blinks": {"per_minute": 14.0, "clips_judged": 0, "implausible": None},
        "store": {
            "clips": 3, "minutes": 1.5, "speakers": 2, "languages": 1, "sources": 2, "specs": ["arkit55:1", "core7:1"],
            "content_hash": "c0ffee" * 10, "split_hash": "5eed" * 16, "config_hashes": ["abc"], "landmarks": 1.0,
            "split": [
                {"split": "train", "language": None, "clips": 2, "minutes": 1.0, "speakers": 1},
                {"split": "train", "language": "ar", "clips": 2, "minutes": 1.0, "speakers": 1},
                {"split": "val", "language": None, "clips": 1, "minutes": 0.5, "speakers": 1},
            ],
            "terms": [{"licence": EVIL, "consent": "signed", "clips": 3, "minutes": 1.5, "speakers": 2}],
            "offsets": {"edges_ms": [-20.0, 0.0, 20.0], "reliable": [1, 0], "unsure": [0, 2], "median_ms": -8.0},
            "footage": [
                {"name": "clip length", "unit": "s", "edges": [1.0, 2.0], "counts": [3], "everywhere": None},
                {"name": "picture height", "unit": "px", "edges": [], "counts": [], "everywhere": 256.0},
            ],
        },
    }  # fmt: skip


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", " ".join(Reader(html).text))


def test_the_card_says_what_the_report_says(report: dict[str, Any]) -> None:
    html = page_html(data_card_page(report, [("anna_0 (worst)", "the jaw hardly moves", PICTURE)]))
    text = text_of(html)
    for words in (
        "3 clips, 1.50 minutes", "train", "val", "signed", "c0ffee" * 10, "5eed" * 16, "jaw_open", "cheekPuff",
        "no_audio", "the face is 40 pixels high.", "shot_change", "12.5", "landmarks", "anna_0 (worst)",
        "the jaw hardly moves", "−8.0 ms", "256.0 px in all clips", "clip length",
    ):  # fmt: skip
        assert words in text, words
    assert "data:image/png;base64," in html


def test_names_of_users_can_not_become_markup(report: dict[str, Any]) -> None:
    reader = Reader(page_html(data_card_page(report, [(EVIL, EVIL, PICTURE)])))
    assert reader.open == []
    tags = [tag for tag, _ in reader.elements]
    assert tags.count("img") == 1
    assert tags.count("script") == 2


def test_dead_and_doubtful_channels_are_marked(report: dict[str, Any]) -> None:
    table = qa_table(report["label_qa"], 3, 3)
    marked = {row[0]: [cell.text for cell in row if isinstance(cell, Flag) and cell.is_bad] for row in table.rows}
    assert marked == {"jaw_open": [], "head_yaw": ["0.500"], "cheekPuff": ["dead"]}


def test_columns_that_nothing_is_known_for_are_left_out(report: dict[str, Any]) -> None:
    assert "r arkit55" not in qa_table(report["label_qa"], 3, 3).columns
    report["label_qa"]["jaw_open"]["r_arkit"] = 0.9
    assert "r arkit55" in qa_table(report["label_qa"], 3, 3).columns


def test_a_sample_of_a_large_store_is_called_one(report: dict[str, Any]) -> None:
    assert "Measured on 20 of 1000 clips" in qa_table(report["label_qa"], 20, 1000).note


def test_many_refusals_are_cut_counted_and_searchable(report: dict[str, Any]) -> None:
    rejected = [{"path": f"{n}.mp4", "reason": "silent: no sound."} for n in range(MAX_REFUSALS + 7)]
    table = refusal_table(rejected)
    assert len(table.rows) == MAX_REFUSALS
    assert f"{MAX_REFUSALS} of {MAX_REFUSALS + 7}" in table.note
    assert '<input type="search"' in block_html(table)
    assert "<input" not in block_html(refusal_table(rejected[:3]))


def test_a_store_without_a_report_of_its_preparation_has_a_card(report: dict[str, Any]) -> None:
    bare = {key: report[key] for key in ("store", "label_qa", "label_qa_clips", "blinks")}
    assert Reader(page_html(data_card_page(bare, []))).open == []


def test_the_card_is_made_from_json_alone(report: dict[str, Any], tmp_path: Path) -> None:
    again = json.loads(json.dumps(report))
    write_page(tmp_path / "report.html", data_card_page(again, []))
    assert (tmp_path / "report.html").read_text("utf-8") == page_html(data_card_page(report, []))


def test_bars_stand_in_proportion_and_pale_ones_above_them() -> None:
    histogram = Histogram("offset", "ms", [-20.0, 0.0, 20.0], [4, 0], [4, 2])
    html = block_html(Histograms("Offsets", "clips", [histogram], legend=("sure", "unsure")))
    bars = [attributes for tag, attributes in Reader(html).elements if tag == "rect"]
    assert [bar["class"] for bar in bars] == ["bar", "bar pale", "bar pale"]
    full, above, alone = ([float(str(bar[key])) for key in ("y", "height")] for bar in bars)
    assert full[1] == pytest.approx(above[1], abs=0.1)
    assert full[1] == pytest.approx(2 * alone[1], abs=0.2)
    assert above[0] + above[1] == pytest.approx(full[0], abs=0.1)
    assert "-20" in " ".join(Reader(html).text)


def test_blocks_of_nothing_are_blocks() -> None:
    for block in (Table("T", ["a"], []), Histograms("H", "clips", []), Pictures("P", [])):
        assert Reader(block_html(block)).open == []


def test_jpegs_are_called_jpegs() -> None:
    assert "data:image/jpeg;base64," in block_html(Pictures("P", [Picture("t", b"\xff\xd8\xff")]))
