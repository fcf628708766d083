"""Figures of the last seconds, and what is drift and what is distance."""

import pytest

from src.realtime.server.figures import LATENCY_SAMPLES, LiveFigures, PlaybackLag
from tests.realtime.server.fakes import frame


def test_nothing_is_known_of_nothing() -> None:
    assert LiveFigures().record(5.0) == {"speaking": False, "fps": None, "latency_ms": None}


def test_the_rate_is_that_of_the_last_seconds() -> None:
    figures = LiveFigures()
    for index in range(250):
        figures.add(frame(index), index / 25)
    assert figures.record(10.0)["fps"] == pytest.approx(25)
    for index in range(100):
        figures.add(frame(250 + index), 10 + index / 10)
    assert figures.record(20.0)["fps"] == pytest.approx(10)
    assert figures.record(99.0)["fps"] is None


def test_latencies_are_from_the_arrival_of_sound_and_fillers_have_none() -> None:
    figures = LiveFigures()
    for index in range(100):
        figures.add(frame(index, arrival_s=100.0 + index - (index + 1) / 1000), 100.0 + index)
        figures.add(frame(index), 100.0 + index)
    latency = figures.record(200.0)["latency_ms"]
    assert latency == {
        "p50": pytest.approx(50.5, abs=1),
        "p95": pytest.approx(95, abs=1),
        "p99": pytest.approx(99, abs=1),
    }
    for index in range(LATENCY_SAMPLES):
        figures.add(frame(index, arrival_s=0.0), 0.007)
    assert figures.record(200.0)["latency_ms"]["p99"] == pytest.approx(7)


def test_the_distance_of_a_page_is_no_drift_but_its_clock_is() -> None:
    lag = PlaybackLag(num_learned=3)
    assert [lag.position_s(n - 0.2 - jitter, n) for n, jitter in ((1.0, 0.0), (2.0, 0.01), (3.0, -0.01))] == [None] * 3
    assert lag.position_s(9.8, 10.0) == pytest.approx(10.0)
    assert lag.position_s(9.7, 10.0) == pytest.approx(9.9)  # its clock has lost 100 ms
    lag.forget()
    assert lag.position_s(9.0, 10.0) is None


@pytest.mark.parametrize("position", [float("nan"), float("inf")])
def test_positions_that_are_none_are_not_learned(position: float) -> None:
    lag = PlaybackLag(num_learned=1)
    assert lag.position_s(position, 1.0) is None
    assert lag.position_s(1.0, 1.0) is None
    assert lag.position_s(1.5, 2.0) == pytest.approx(1.5)
