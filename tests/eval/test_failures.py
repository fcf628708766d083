"""Words for what is wrong are given where a figure tells, and nowhere else."""

import pytest

from src.eval.failures import FAULTS, faults_of

FINE = {"pearson_r": 0.8, "std_ratio": 1.0, "lag": 0.0}


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, []),
        ({"pearson_r": 0.29}, ["wrong"]),
        ({"std_ratio": 0.59}, ["timid"]),
        ({"std_ratio": 1.61}, ["wild"]),
        ({"lag": 46.0}, ["late"]),
        ({"lag": 44.0}, []),
        ({"lag": -46.0}, []),
        ({"lag": -126.0}, ["early"]),
        ({"pearson_r": -0.1, "lag": 200.0, "std_ratio": 0.1}, ["wrong", "timid", "late"]),
        ({"pearson_r": None, "lag": None, "std_ratio": None}, []),
    ],
)
def test_a_fault_begins_where_its_sentence_says(figures: dict[str, float | None], words: list[str]) -> None:
    assert faults_of(FINE | figures, seen=1.0, ceiling_r=0.95) == words


def test_the_truth_can_be_at_fault() -> None:
    assert faults_of(FINE, seen=0.49, ceiling_r=0.79) == ["few valid frames", "noisy label"]
    assert faults_of(FINE, seen=None, ceiling_r=None) == []
    assert set(faults_of(FINE, seen=0.0, ceiling_r=0.0)) <= set(FAULTS)
