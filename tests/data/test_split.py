"""No voice is on both sides of a split, and a corpus of one says that it cannot be."""

import logging
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.split import SplitRow, assign_splits, hold_out, is_speaker_disjoint
from src.errors import ConfigError, DataError


def rows(frames_per_clip: dict[str, list[int]], language: str = "en") -> list[SplitRow]:
    """One list of clip lengths per speaker."""
    return [
        SplitRow(f"{speaker}_{number}", speaker, language, frames)
        for speaker, many in frames_per_clip.items()
        for number, frames in enumerate(many)
    ]


def speakers_of(clips: list[SplitRow], splits: dict[str, str], part: str) -> set[str]:
    return {row.speaker for row in clips if splits[row.clip_id] == part}


CORPORA = st.dictionaries(
    st.sampled_from("abcdefghijklmn"),
    st.tuples(st.lists(st.integers(1, 500), min_size=1, max_size=4), st.sampled_from(["", "en", "fr", "zh"])),
    min_size=2,
)


@settings(max_examples=100)
@given(
    corpus=CORPORA,
    val_share=st.floats(0.02, 0.5),
    test_share=st.sampled_from([0.0, 0.1, 0.4]),
    seed=st.integers(0, 5),
    order=st.randoms(use_true_random=False),
)
def test_no_speaker_is_in_two_parts_and_the_order_of_rows_does_not_matter(
    corpus: dict[str, tuple[list[int], str]], val_share: float, test_share: float, seed: int, order: random.Random
) -> None:
    clips = [row for name, (many, language) in corpus.items() for row in rows({name: many}, language)]
    splits = assign_splits(clips, val_share=val_share, test_share=test_share, seed=seed)
    assert set(splits) == {row.clip_id for row in clips}
    parts = [speakers_of(clips, splits, part) for part in ("train", "val", "test")]
    assert is_speaker_disjoint(parts)
    assert parts[0]
    assert parts[1]
    assert bool(parts[2]) == (test_share > 0 and len(corpus) >= 3)
    order.shuffle(clips)
    assert assign_splits(clips, val_share=val_share, test_share=test_share, seed=seed) == splits


def test_shares_of_many_speakers_are_about_what_was_asked() -> None:
    clips = rows({f"id{number}": [100, 50] for number in range(60)})
    splits = assign_splits(clips, val_share=0.15, test_share=0.1, seed=0)
    counts = Counter(splits.values())
    assert counts["val"] / 120 == pytest.approx(0.15, abs=0.04)
    assert counts["test"] / 120 == pytest.approx(0.1, abs=0.04)


def test_every_language_with_enough_speakers_is_in_every_part() -> None:
    clips = [
        *rows({f"e{number}": [100] for number in range(30)}, "en"),
        *rows({f"f{number}": [100] for number in range(3)}, "fr"),
        *rows({f"z{number}": [100] for number in range(5)}, "zh"),
        *rows({"lone": [100]}, "ar"),
    ]
    for seed in range(5):
        splits = assign_splits(clips, val_share=0.15, test_share=0.15, seed=seed)
        for part in ("train", "val", "test"):
            assert {name[0] for name in speakers_of(clips, splits, part)} >= {"e", "f", "z"}
        assert splits["lone_0"] == "train"


def test_seeds_draw_different_speakers() -> None:
    clips = rows({name: [100] for name in "abcdefgh"})
    drawn = {
        frozenset(speakers_of(clips, assign_splits(clips, val_share=0.2, test_share=0.2, seed=seed), "val"))
        for seed in range(8)
    }
    assert len(drawn) > 3


def test_two_speakers_are_trained_on_and_validated_with() -> None:
    assert assign_splits(rows({"a": [90], "b": [20]}), val_share=0.1, test_share=0.1, seed=0) == {
        "a_0": "train",
        "b_0": "val",
    }


def test_one_speaker_is_split_by_clip_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    clips = rows({"ann": [50] * 10})
    with caplog.at_level(logging.WARNING):
        splits = assign_splits(clips, val_share=0.2, test_share=0.1, seed=0)
    assert "All clips are of one speaker (ann)" in caplog.text
    assert Counter(splits.values()) == {"train": 7, "val": 2, "test": 1}
    assert assign_splits(clips[:1], val_share=0.2, test_share=0.1, seed=0) == {"ann_0": "train"}
    assert Counter(assign_splits(clips[:2], val_share=0.2, test_share=0.1, seed=0).values()) == {"train": 1, "val": 1}


@pytest.mark.parametrize(("val_share", "test_share"), [(0.0, 0.1), (1.0, 0.0), (0.5, 0.5), (0.2, -0.1)])
def test_shares_that_leave_a_part_empty_are_refused(val_share: float, test_share: float) -> None:
    with pytest.raises(ConfigError, match=f"val_share is {val_share} and test_share {test_share}"):
        assign_splits(rows({"a": [50], "b": [60]}), val_share=val_share, test_share=test_share, seed=0)


def test_held_out_speakers_are_val_and_those_of_before_are_train() -> None:
    speakers = {"a_0": "a", "b_0": "b", "c_0": "c", "d_0": "d"}
    splits = {"a_0": "train", "b_0": "val", "c_0": "test", "d_0": "train"}
    assert hold_out(splits, speakers, ["a"]) == {"a_0": "val", "b_0": "train", "c_0": "test", "d_0": "train"}
    with pytest.raises(DataError, match="z is not in the store. Choose some of: a, b, c, d"):
        hold_out(splits, speakers, ["z"])
    with pytest.raises(DataError, match="every speaker would leave nobody"):
        hold_out(splits, speakers, ["a", "b", "d"])
