"""The soak, for seconds instead of an hour: the same code, a tiny model and a drawn face."""

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import scripts.soak
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from scripts.soak import Verdict, slower
from src.realtime.statistics import LatencyHistogram


def soaked(inputs: Path, out: Path, *more: str) -> dict:
    pytest.importorskip("espeakng_loader", reason="espeak-ng is an extra")
    register()
    overrides = [
        f"checkpoint='{inputs / 'best.ckpt'}'",
        f"avatar='{inputs / 'avatar'}'",
        f"out='{out}'",
        "render.size=128",
        "minutes=0.35",
        "block_s=5.0",
        "bounds.slower=1000",  # a busy machine is slow now and then
        "utterances=[[en-us,f2,200,60,'Good morning, how are you?'],[de,'',180,40,'Einen Moment bitte.']]",
    ]
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        config = compose("soak", [*overrides, *more])
    try:
        scripts.soak.main(config)
    finally:
        record = json.loads((out / "report.json").read_text())
    return record


def test_twenty_seconds_of_talk_are_complete_and_judged(inputs: Path, tmp_path: Path) -> None:
    record = soaked(inputs, tmp_path / "out")
    assert record["frames"] == record["slots"]
    assert record["samples"] == 640 * record["slots"]
    assert (record["dropped"], record["underruns"], record["timeline_error_ms"]) == (0, 0, 0.0)
    assert record["seconds"] == pytest.approx(21.0, abs=4.0)
    assert record["cleared"] >= 2
    assert record["interrupt_ms"]["max"] <= 80.1
    assert len(record["blocks"]) >= 4
    assert record["drift_ms_per_hour"] is None, "too short to say"
    assert all(verdict["holds"] for verdict in record["verdicts"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Block by block" in page
    assert page.count("<svg") >= 2


def test_a_bound_that_does_not_hold_ends_with_its_name(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        soaked(inputs, tmp_path / "out", "bounds.interrupt_ms=1", "minutes=0.2")
    assert ended.value.code == 1
    assert "soak failed: interruption: " in capsys.readouterr().err


def test_slower_compares_the_ends_of_a_run() -> None:
    summaries = []
    for duration_ms in (10.0, 10.0, 12.0, 15.0):
        histogram = LatencyHistogram()
        histogram.add(duration_ms)
        summaries.append(histogram.summary())
    assert slower(summaries) == pytest.approx(1.5)
    assert slower(summaries[:3]) is None


def test_a_value_that_is_not_there_breaks_no_bound() -> None:
    assert Verdict("drift", None, 10.0, "ms").holds
    assert not Verdict("drift", 10.1, 10.0, "ms").holds
    assert str(Verdict("drift", 10.1, 10.0, "ms")) == "drift: 10.1 ms, at most 10"
