"""The pages of a run and of the demo are made from the report's numbers, missing ones included."""

from pathlib import Path

import numpy as np
import pytest

from src.eval.lip_sync import mouth_record
from src.eval.provenance import provenance
from src.eval.report import page_html
from src.eval.run_page import demo_page, live_page
from src.eval.shown import Shown, judge, shown_record
from src.realtime.clock import VirtualClock
from src.realtime.record import engine_record
from src.realtime.replay import VirtualEngine
from tests.eval.test_lip_sync import motion
from tests.eval.test_metrics import mouth
from tests.realtime.fakes import LAYOUT, ListSink, ListSource, make_core, ramp
from tests.realtime.test_predictor import tiny


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    video = tmp_path / "talking.mp4"
    video.write_bytes(b"video")
    return judge(video, np.zeros(160_000, np.float32), 16_000, motion(mouth()), motion(mouth()))


def record(shown: Shown | None) -> dict:
    figures = VirtualEngine(clock=VirtualClock()).run(
        core=make_core(), source=ListSource(ramp(1.0)), sink=ListSink(), layout=LAYOUT
    )
    return {
        **engine_record(figures),
        **shown_record(shown),
        "playout_delay_ms": 150.0,
        "algorithmic_latency_ms": tiny().contract.latency_record,
        "clock": "virtual",
        "seed": 0,
        "inputs": {name: {"path": f"some/{name}", "sha256": "0" * 64} for name in ("checkpoint", "avatar", "source")},
        "machine": provenance().to_dict(),
    }


def test_a_run_with_a_video_shows_its_curves_and_figures(shown: Shown) -> None:
    page = live_page(record(shown), shown)
    values = {figure.label: figure.value for figure in (*page.headline, *page.figures)}
    assert values["Frame rate"] == 25.0
    assert values["Pictures"] == 25
    assert values["A/V offset"] == pytest.approx(0.0, abs=0.5)
    assert page.video == shown.video
    assert page.curves is not None
    assert len(page.curves.predicted) == len(page.curves.envelope) == 250
    html = page_html(page)
    assert "look-ahead of the model" in html
    assert "0" * 64 in html


def test_a_run_without_a_video_says_why_there_is_no_offset() -> None:
    page = live_page(record(None), None)
    offset = next(figure for figure in page.headline if figure.label == "A/V offset")
    assert (offset.value, offset.reason) == (None, "the sink writes no video")
    assert page.curves is None
    assert "the sink writes no video" in page_html(page)


def test_the_demo_page_adds_lips_stages_and_the_reference(shown: Shown) -> None:
    content = {
        **record(shown),
        "lip_r": 0.83,
        "lip_lag_ms": None,
        "lip_lag_ms_reason": "no shift correlates",
        "lip_reference": "a held-out voice",
        "lips": {"predicted": mouth_record(motion(mouth()), motion(mouth()), np.zeros(160_000, np.float32), 16_000)},
        "speech": "a sentence",
        "data": {"train": {}, "val": {}, "speaker_disjoint": True, "data_hash": "feed"},
        "stage_seconds": {"data": 12.0, "training": 30.5, "total": 42.5},
    }
    page = demo_page(content, shown, motion(mouth()))
    assert page.stages == [("data", 12.0), ("training", 30.5)]
    assert [figure.label for figure in page.headline][:2] == ["Lip correlation", "Lip lag"]
    assert page.curves is not None
    assert page.curves.reference is not None
    html = page_html(page)
    for words in ("0.830", "no shift correlates", "a held-out voice", "feed", "42.5 s in all", "speakers it never saw"):
        assert words in html
    table = page.tables[0]
    assert table.title == "The mouth"
    correlation = table.rows[0]
    assert correlation[:4] == ["Correlation", pytest.approx(1.0), None, None]
