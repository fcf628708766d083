"""Percentiles from a histogram of fixed size equal those of the samples, to one bin."""

import numpy as np
import pytest

from src.realtime.statistics import BIN_MS, LatencyHistogram


def filled(samples: list[float]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for sample in samples:
        histogram.add(sample)
    return histogram


def test_no_samples_give_no_figures_instead_of_zeros() -> None:
    assert LatencyHistogram().summary() is None
    assert len(LatencyHistogram().bars()[0]) == 0


def test_percentiles_of_one_to_hundred_are_known() -> None:
    summary = filled([float(i) for i in range(1, 101)]).summary()
    assert summary is not None
    assert summary.p50 == pytest.approx(50, abs=1.01 * BIN_MS)
    assert summary.p95 == pytest.approx(95, abs=1.01 * BIN_MS)
    assert summary.p99 == pytest.approx(99, abs=1.01 * BIN_MS)
    assert (summary.max, summary.mean, summary.count) == (100.0, pytest.approx(50.5), 100)


def test_percentiles_of_random_samples_stay_within_a_bin_of_the_exact_ones() -> None:
    samples = np.random.default_rng(3).gamma(2.0, 12.0, 4000)
    histogram = filled(samples.tolist())
    for share in (0.01, 0.5, 0.95, 0.99, 1.0):
        exact = float(np.quantile(samples, share, method="inverted_cdf"))
        found = histogram.percentile(share)
        assert found is not None
        assert exact <= found + 1e-9 <= exact + BIN_MS + 1e-9


def test_a_latency_beyond_the_last_bin_keeps_its_exact_maximum() -> None:
    summary = filled([1.0, 9000.0]).summary()
    assert summary is not None
    assert (summary.p99, summary.max) == (9000.0, 9000.0)


def test_bars_hold_every_sample_once_and_cover_their_range() -> None:
    samples = [3.05, 3.06, 17.0, 40.0, 5000.0]
    edges, counts = filled(samples).bars(num_bars=10)
    assert counts.sum() == len(samples)
    assert len(edges) == len(counts) + 1
    assert edges[0] <= 3.05
    assert counts[-1] >= 1


def test_one_constant_latency_has_bars_too() -> None:
    _, counts = filled([12.0] * 7).bars()
    assert counts.sum() == 7
