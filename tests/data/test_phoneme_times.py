import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from src.data.phoneme_times import closures_of, phonemes_of, shifted
from src.data.speech import Phoneme
from src.data.store import Store, write_local, write_manifest
from src.errors import DataError
from tests.tiny_store import write_tiny_store

SAID = (
    Phoneme("_", 0.0, 0.2, False),
    Phoneme("b", 0.2, 0.3, False),
    Phoneme("aɪ", 0.3, 0.6, True),
    Phoneme("p", 0.6, 0.7, False),
    Phoneme("_", 0.7, 2.0, False),
)


def store_beside(folder: Path, phonemes: tuple[Phoneme, ...] | None, start_s: float) -> Store:
    """A store of one clip of 1 s that starts at `start_s` of its source."""
    videos = folder / "videos" / "ann"
    videos.mkdir(parents=True)
    (videos / "0.mp4").write_bytes(b"")
    if phonemes is not None:
        content = {"text": "by", "phonemes": [asdict(each) for each in phonemes]}
        (videos / "0.phonemes.json").write_text(json.dumps(content), "utf-8")
    store = write_tiny_store(folder / "store", {"ann": [25]})
    write_local(store.folder, {"ann/0.mp4": videos / "0.mp4"})
    # A corrected offset moves the motion, not the sound that phonemes belong to.
    return write_manifest(store.folder, [replace(store.clips[0], start_s=start_s, motion_start_s=start_s - 0.08)])


def test_phonemes_beside_a_video_are_given_in_the_time_of_the_clip(tmp_path: Path) -> None:
    found = phonemes_of(store_beside(tmp_path, SAID, start_s=0.4), "ann_0")
    assert found is not None
    assert [each.symbol for each in found] == ["aɪ", "p", "_"]
    assert [each.start_s for each in found] == pytest.approx([0.0, 0.2, 0.3])
    assert [each.end_s for each in found] == pytest.approx([0.2, 0.3, 1.0])
    assert [each.stressed for each in found] == [True, False, False]


def test_phonemes_that_nobody_wrote_down_are_not_known(tmp_path: Path) -> None:
    store = store_beside(tmp_path, None, start_s=0.0)
    assert phonemes_of(store, "ann_0") is None
    (tmp_path / "videos" / "ann" / "0.mp4").unlink()
    assert phonemes_of(store, "ann_0") is None
    with pytest.raises(DataError, match="no clip 'bob_0'"):
        phonemes_of(store, "bob_0")


def test_damaged_phonemes_are_an_error_and_not_unknown_ones(tmp_path: Path) -> None:
    store = store_beside(tmp_path, SAID, start_s=0.0)
    (tmp_path / "videos" / "ann" / "0.phonemes.json").write_text('{"phonemes": [{"symbol": "a"}]}', "utf-8")
    with pytest.raises(DataError, match=r"0\.phonemes\.json: the phonemes can't be read"):
        phonemes_of(store, "ann_0")


def test_a_clip_outside_of_all_phonemes_has_none() -> None:
    assert shifted(SAID, 2.5, 1.0) == ()
    assert shifted(SAID, 0.0, 2.0) == SAID


def test_closures_are_those_of_bilabials_with_the_hold_before_a_voiceless_burst() -> None:
    np.testing.assert_allclose(closures_of(SAID), [[0.2, 0.275], [0.545, 0.6]])
    assert closures_of(SAID[:1]).shape == (0, 2)
