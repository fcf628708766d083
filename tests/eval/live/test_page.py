"""The page of a live evaluation: made of its record, also where a face was not found."""

from pathlib import Path

import numpy as np
import pytest

from src.eval.live.page import eval_page, offset_chart
from src.eval.report import page_html
from src.eval.shown import Shown, judge
from tests.eval.live.records import record, recording
from tests.eval.test_lip_sync import motion
from tests.eval.test_metrics import mouth


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"video")
    return judge(video, np.zeros(160_000, np.float32), 16_000, motion(mouth()), motion(mouth()))


def test_the_page_says_whether_it_can_be_believed_before_it_says_anything_else(shown: Shown) -> None:
    page = eval_page(record(), shown)
    assert [figure.label for figure in page.headline] == [
        "Lips as predicted", "A/V offset", "A/V drift", "Interruption", "Mouth at rest in silence", "Latency, 95 %",
    ]  # fmt: skip
    assert page.headline[1].note == "harness reads 0.1 ms at 0: wrong"
    html = page_html(page)
    for words in ("nobody spoke", "no face &lt;here&gt;", "no face was found", "Virtual time", "ab" * 6):
        assert words in html


def test_an_hour_is_not_told_from_seconds(shown: Shown) -> None:
    drift = eval_page(record(), shown).headline[2]
    assert drift.value is None
    assert drift.reason.startswith("5 s are too short to tell: \u2212900")
    long = {"low": -4.0, "high": 9.0, "windows": 300, "span_s": 3600.0, "is_extrapolated": False}
    drift = eval_page(record(drift=long, drift_ms_per_hour=3.0), shown).headline[2]
    assert (drift.value, drift.note) == (3.0, "\u22124 \u2026 9")
    unknown = eval_page(record(drift_ms_per_hour=None, drift_ms_per_hour_reason="2 windows"), shown).headline[2]
    assert (unknown.value, unknown.reason) == (None, "2 windows")


def test_a_run_without_calibration_says_so(shown: Shown) -> None:
    page = eval_page(record(calibration=None), shown)
    assert page.headline[1].note == "harness not calibrated"
    assert "Is the harness right?" not in page_html(page)


def test_offsets_of_recordings_stand_end_to_end() -> None:
    windows = [{"time_s": 1.0, "offset_ms": 2.0}, {"time_s": 3.0, "offset_ms": 4.0}]
    two = [recording("a", offsets=windows), recording("b", offsets=windows[:1])]
    assert "A/V offset over time" in offset_chart(two, record()["drift"]).svg
    assert offset_chart(two[1:], record()["drift"]).svg  # a single window is a line too
