"""No voice is on both sides of a split, and a corpus of one says that it cannot be."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.split import split_by_speaker
from src.data.windows import FeatureClip
from src.errors import DataError


def clip(speaker: str, number: int, frames: int) -> FeatureClip:
    values = np.zeros((frames, 1), np.float32)
    return FeatureClip(f"{speaker}_{number}", speaker, values, values, np.ones(frames, bool))


def corpus(frames_per_clip: list[list[int]]) -> list[FeatureClip]:
    """One list of clip lengths per speaker."""
    return [clip(f"id{s}", n, frames) for s, many in enumerate(frames_per_clip) for n, frames in enumerate(many)]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.lists(st.integers(10, 500), min_size=1, max_size=4), min_size=2, max_size=8),
    share=st.floats(0.05, 0.6),
    seed=st.integers(0, 5),
)
def test_speakers_are_on_one_side_and_every_clip_is_on_one(lengths: list[list[int]], share: float, seed: int) -> None:
    clips = corpus(lengths)
    split = split_by_speaker(clips, val_share=share, val_speakers=[], seed=seed)
    assert split.train
    assert split.val
    assert not {clip.speaker for clip in split.train} & {clip.speaker for clip in split.val}
    assert sorted(clip.clip_id for clip in split.train + split.val) == sorted(clip.clip_id for clip in clips)
    assert split.speaker_disjoint


def test_the_share_is_about_what_was_asked() -> None:
    clips = corpus([[100, 50]] * 40)
    split = split_by_speaker(clips, val_share=0.2, val_speakers=[], seed=0)
    assert sum(map(len, split.val)) / sum(map(len, clips)) == pytest.approx(0.2, abs=0.05)


def test_the_order_of_clips_does_not_matter_but_the_seed_does() -> None:
    clips = corpus([[100], [90], [80], [110], [70], [95]])
    assert split_by_speaker(clips, val_share=0.2, val_speakers=[], seed=0) == split_by_speaker(
        clips[::-1], val_share=0.2, val_speakers=[], seed=0
    )
    drawn = {split_by_speaker(clips, val_share=0.2, val_speakers=[], seed=seed).val[0].speaker for seed in range(8)}
    assert len(drawn) > 1


def test_named_speakers_are_held_out() -> None:
    split = split_by_speaker(corpus([[50], [60], [70]]), val_share=0.1, val_speakers=["id2", "id0"], seed=0)
    assert {clip.speaker for clip in split.val} == {"id0", "id2"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["id7"], "id7 is not in the store. Choose some of: id0, id1"),
        (["id0", "id1"], "every speaker would leave nobody"),
    ],
)
def test_impossible_speakers_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_by_speaker(corpus([[50], [60]]), val_share=0.1, val_speakers=names, seed=0)


def test_a_single_speaker_is_split_by_clip_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        split = split_by_speaker(corpus([[50, 60, 70, 80]]), val_share=0.3, val_speakers=[], seed=0)
    assert "All clips are of one speaker (id0)" in caplog.text
    assert not split.speaker_disjoint
    assert not {clip.clip_id for clip in split.train} & {clip.clip_id for clip in split.val}
    assert len(split.train) + len(split.val) == 4


def test_a_single_clip_is_split_by_time() -> None:
    split = split_by_speaker(corpus([[100]]), val_share=0.2, val_speakers=[], seed=0)
    assert (len(split.train[0]), len(split.val[0])) == (80, 20)
    assert not split.speaker_disjoint


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_that_leaves_a_side_empty_is_refused(share: float) -> None:
    with pytest.raises(DataError, match="data.val_share"):
        split_by_speaker(corpus([[50], [60]]), val_share=share, val_speakers=[], seed=0)


def test_no_clips_are_refused() -> None:
    with pytest.raises(DataError, match="Prepare more videos"):
        split_by_speaker([], val_share=0.2, val_speakers=[], seed=0)
