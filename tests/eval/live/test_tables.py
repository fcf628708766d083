"""A target is met, missed, or can't be told; a wrong harness catches the eye."""

import pytest

from src.eval.live.tables import calibration_table, recording_table, target_table
from src.eval.tables import Flag, Interval
from tests.eval.live.records import record, recording


def verdicts(**changed: object) -> dict[object, object]:
    return {row[0]: row[3] for row in target_table(record(**changed)).rows}


def test_virtual_time_says_nothing_about_the_machine() -> None:
    found = verdicts()
    assert found["Frame rate"] == found["Missed deadlines"] == "needs clock=wall"
    assert found["A/V offset"] == Flag("yes", is_bad=False)
    assert found["Interruption"] is None


def test_wall_time_says_what_is_met() -> None:
    found = verdicts(clock="wall", fps=24.99, deadline_miss_rate=0.002, interrupt_ms=60.0, av_offset_ms=-25.0)
    yes, no = Flag("yes", is_bad=False), Flag("no", is_bad=True)
    assert found["Frame rate"] == yes  # the clock of a real machine is no ideal one
    assert found["Missed deadlines"] == no
    assert found["A/V offset"] == no
    assert found["Interruption"] == yes


def test_a_drift_is_judged_by_long_recordings_only() -> None:
    assert verdicts()["Drift"] == "too short to tell"
    long = {"low": -4.0, "high": 9.0, "windows": 300, "span_s": 3600.0, "is_extrapolated": False}
    assert verdicts(drift=long, drift_ms_per_hour=3.0)["Drift"] == Flag("yes", is_bad=False)
    assert verdicts(drift=long, drift_ms_per_hour=-13.0)["Drift"] == Flag("no", is_bad=True)


def test_a_wrong_reading_catches_the_eye() -> None:
    right, wrong = calibration_table(record()["calibration"]).rows
    assert right[-1] == Flag("right", is_bad=False)
    assert wrong[-1] == Flag("wrong", is_bad=True, hint="no face <here>")
    assert wrong[0] == "Sound delayed by 80 ms"


def test_several_recordings_have_a_mean_and_a_deviation() -> None:
    assert len(recording_table([recording("a")]).rows) == 1
    table = recording_table([recording("a"), recording("b", lip_r_offline=0.7, av_offset_ms=None)])
    last = table.rows[-1]
    assert last[0] == "mean \u00b1 deviation"
    lip_r, offset = last[2], last[3]
    assert isinstance(lip_r, Interval)
    assert isinstance(offset, Interval)
    assert lip_r.value == pytest.approx(0.8)
    assert lip_r.high == pytest.approx(0.8 + 0.2 / 2**0.5)
    assert (offset.value, offset.low) == (3.0, None)
