from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.data.phoneme_times import phonemes_of, phonemes_path
from src.data.speech import Phoneme
from src.data.speech_corpus import SpeechClip
from src.data.speech_store import build_speech_store
from src.data.store import Store, clip_path
from src.errors import DataError
from src.motion import CORE7, Motion


class Humming:
    """A corpus that needs no speech library: each speaker hums two clips, which tell the speaker's number."""

    licence = "free"

    def __init__(self, num_speakers: int) -> None:
        self.num_speakers = num_speakers
        self.made: list[int] = []

    def language(self, speaker_index: int) -> str:
        return "en"

    def clips(self, speaker_index: int) -> Iterator[SpeechClip]:
        self.made.append(speaker_index)
        for number in range(2):
            values = np.full((3, CORE7.size), 0.01 * speaker_index, np.float32)
            waveform = np.full(3 * 640 - 10, 0.1, np.float32)
            hum = (Phoneme("m", 0.0, 0.04 + 0.01 * number, False), Phoneme("u", 0.04 + 0.01 * number, 0.119, True))
            yield SpeechClip(
                waveform,
                Motion(values, CORE7),
                start_s=0.12 * number,
                utterance_s=0.24,
                speech_share=1.0,
                phonemes=hum,
            )


def build(folder: Path, corpus: Humming, **configuration: object) -> Store:
    hummed: Any = corpus
    return build_speech_store(hummed, folder, configuration=configuration, validate_every=3, workers=2)


def test_a_built_store_is_read_like_any_other(tmp_path: Path) -> None:
    store = build(tmp_path, Humming(4))
    assert store.clips.column("clip_id") == [f"voice{n:05d}-{c:03d}" for n in range(1, 5) for c in range(2)]
    assert dict(zip(store.clips.column("speaker"), store.clips.column("split"), strict=True)) == {
        "voice00001": "train",
        "voice00002": "train",
        "voice00003": "val",
        "voice00004": "train",
    }
    clip = Store.open(tmp_path).load("voice00003-001")
    assert clip.motion.values[:, 0] == pytest.approx(0.02)
    assert (clip.info.frames, clip.info.samples, clip.info.start_s) == (3, 1910, 0.12)
    assert clip.info.level_db == pytest.approx(-20, abs=0.01)
    assert clip.info.consent == "not needed: nobody was recorded"


def test_building_again_makes_what_is_missing_and_gives_the_same_store(tmp_path: Path) -> None:
    before = build(tmp_path, Humming(3)).content_hash
    clip_path(tmp_path, "voice00002-000").unlink()
    again = Humming(3)
    assert build(tmp_path, again).content_hash == before
    assert again.made == [1]


def test_a_store_grows_shrinks_and_is_replaced_with_its_configuration(tmp_path: Path) -> None:
    build(tmp_path, Humming(2), seed=0)
    grown = Humming(3)
    build(tmp_path, grown, seed=0)
    assert grown.made == [2]
    assert len(build(tmp_path, Humming(1), seed=0).clips) == 2
    assert len(list((tmp_path / "clips").iterdir())) == 2
    other = Humming(1)
    build(tmp_path, other, seed=1)
    assert other.made == [0]


def test_a_store_knows_the_phonemes_of_its_clips_and_gets_those_that_it_lacks(tmp_path: Path) -> None:
    store = build(tmp_path, Humming(2))
    said = (Phoneme("m", 0.0, 0.05, False), Phoneme("u", 0.05, 0.119, True))
    assert phonemes_of(store, "voice00002-001") == said
    phonemes_path(tmp_path, "voice00002").unlink()
    assert phonemes_of(store, "voice00002-001") is None, "a store from before phonemes were kept"
    again = Humming(2)
    assert build(tmp_path, again).content_hash == store.content_hash
    assert again.made == [1]
    assert phonemes_of(store, "voice00002-001") == said
    build(tmp_path, Humming(1))
    assert list((tmp_path / "phonemes").iterdir()) == [phonemes_path(tmp_path, "voice00001")]


def test_equal_work_leaves_equal_stores(tmp_path: Path) -> None:
    assert build(tmp_path / "a", Humming(2)).content_hash == build(tmp_path / "b", Humming(2)).content_hash


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="holds something else than a store"):
        build(tmp_path, Humming(1))
    (tmp_path / "store" / "sources").mkdir(parents=True)
    (tmp_path / "store" / "sources" / "id00001.json").write_text("{}")
    with pytest.raises(DataError, match="other sources than synthetic speech"):
        build(tmp_path / "store", Humming(1))
