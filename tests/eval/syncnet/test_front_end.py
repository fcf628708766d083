"""SyncNet's MFCC: how many, in which units, and what silence gives."""

import numpy as np
import pytest

from src.errors import DataError
from src.eval.syncnet.front_end import mel_filters, mfcc


@pytest.mark.parametrize(("samples", "rows"), [(1, 1), (400, 1), (401, 2), (560, 2), (561, 3), (640 * 25, 99)])
def test_number_of_rows(samples: int, rows: int) -> None:
    assert mfcc(np.ones(samples, dtype=np.int16)).shape == (rows, 13)


def test_silence_has_the_energy_of_the_smallest_step() -> None:
    rows = mfcc(np.zeros(800, dtype=np.int16))
    np.testing.assert_allclose(rows[:, 0], np.log(2.220446049250313e-16))
    np.testing.assert_allclose(rows[:, 1:], 0.0, atol=1e-12)


def test_dividing_by_32768_lowers_the_first_coefficient_only() -> None:
    sound = np.random.default_rng(0).integers(-9000, 9000, 4000).astype(np.int16)
    difference = mfcc(sound) - mfcc(sound / 32768)
    np.testing.assert_allclose(difference[:, 0], 2 * np.log(32768))
    np.testing.assert_allclose(difference[:, 1:], 0.0, atol=1e-9)


def test_filters_are_triangles_that_leave_the_ends_out() -> None:
    filters = mel_filters()
    assert filters.shape == (26, 257)
    assert filters.max() == 1.0
    assert (filters.max(axis=1) == 1.0).all()
    assert not filters[:, [0, 256]].any()


@pytest.mark.parametrize("shape", [(0,), (2, 100)])
def test_other_than_mono_sound_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="mono samples"):
        mfcc(np.zeros(shape, dtype=np.int16))
