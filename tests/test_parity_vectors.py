"""Comparing with stored vectors: nothing passes by not being looked at."""

from pathlib import Path

import numpy as np
import pytest

from src.errors import DataError
from src.parity_vectors import VectorFile


@pytest.fixture
def vectors(tmp_path: Path) -> VectorFile:
    whole = np.linspace(-2, 2, 60, dtype=np.float32).reshape(3, 20)
    values = whole.astype(np.float64)
    stat = np.array([values.mean(), values.std(), np.sqrt((values**2).sum()), values.min(), values.max()])
    index = np.array([3, 17, 59], dtype=np.int32)
    sampled = {"b@shape": np.array([3, 20]), "b@idx": index, "b@val": whole.ravel()[index], "b@stat": stat}
    np.savez(tmp_path / "x.npz", a=whole, t=np.array("text"), **sampled)
    return VectorFile(tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["a", "b"])
def test_equal_arrays_pass_exactly(name: str, vectors: VectorFile) -> None:
    vectors.compare(name, vectors.value("a"), absolute=1e-15)
    assert vectors.comparisons()[0].passed


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("place", [3, 30])
def test_a_difference_counts_also_where_no_sample_is(name: str, place: int, vectors: VectorFile) -> None:
    ours = vectors.value("a").copy()
    ours.ravel()[place] += 0.5
    vectors.compare(name, ours, relative=1e-3)
    comparison = vectors.comparisons()[0]
    assert not comparison.passed
    assert comparison.max_abs <= 0.5
    assert comparison.max_rel == comparison.max_abs / 2


def test_nan_other_shapes_and_missing_names_fail(vectors: VectorFile) -> None:
    vectors.compare("a", np.full((3, 20), np.nan), relative=1e9)
    vectors.compare("b", np.zeros(60), relative=1e9)
    vectors.compare("c", 1.0)
    vectors.compare("d", 1.0, optional=True)
    vectors.compare("t", "other")
    found = vectors.comparisons()
    assert [comparison.passed for comparison in found] == [False] * 4
    assert [comparison.note for comparison in found] == [
        "",
        "shape (60,), expected (3, 20)",
        "the file lacks it",
        "other text",
    ]


def test_vectors_that_nobody_compares_fail(vectors: VectorFile) -> None:
    vectors.compare("t", "text")
    found = vectors.comparisons()
    assert {(comparison.name, comparison.passed) for comparison in found} == {
        ("x/t", True),
        ("x/a", False),
        ("x/b", False),
    }
    assert found[-1].note == "unknown vector"


def test_a_damaged_file_is_named(tmp_path: Path, vectors: VectorFile) -> None:
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:300])
    with pytest.raises(DataError, match=r"x\.npz: not a readable \.npz"):
        VectorFile(tmp_path / "x.npz")
    with pytest.raises(DataError, match="no array 'z'"):
        vectors.value("z")


def test_bytes_may_differ_by_one_but_only_a_few_of_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", u8=np.zeros(200, np.uint8))
    for changed, passes in ((1, True), (2, False)):
        vectors = VectorFile(tmp_path / "x.npz")
        ours = np.zeros(200, np.uint8)
        ours[:changed] = 1
        vectors.compare("u8", ours, absolute=1, differing=0.005)
        (found,) = vectors.comparisons()
        assert found.passed is passes
        assert found.note == ("" if passes else "1.00% of the values differ, at most 0.50% may")


def test_what_cannot_be_compared_is_said_once(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros(2))
    vectors = VectorFile(tmp_path / "x.npz")
    vectors.fail("a", "no such case")
    assert [(one.name, one.note, one.passed) for one in vectors.comparisons()] == [("x/a", "no such case", False)]
