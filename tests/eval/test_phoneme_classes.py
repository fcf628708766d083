from collections import Counter

import numpy as np
import pytest

from src.data.speech import Phoneme
from src.data.visemes import BILABIALS, TARGETS, VOWELS, split_phonemes
from src.errors import MotionError
from src.eval.phoneme_classes import PHONEME_CLASSES, class_intervals, class_masks, phoneme_class

SOUNDS = split_phonemes(
    [
        Phoneme("_", 0.0, 0.08, False),
        Phoneme("m", 0.08, 0.2, False),
        Phoneme("aɪ", 0.2, 0.4, True),
        Phoneme("p", 0.4, 0.41, False),
        Phoneme("uː", 0.41, 0.52, False),
    ]
)


def test_every_sound_of_the_articulator_is_in_exactly_one_class() -> None:
    listed = Counter(symbol for kind in PHONEME_CLASSES for symbol in kind.symbols)
    assert listed == Counter(dict.fromkeys(TARGETS, 1))


def test_classes_are_what_the_articulator_does_with_its_mouth() -> None:
    symbols = {kind.id: kind.symbols for kind in PHONEME_CLASSES}
    assert symbols["bilabial"] == BILABIALS
    assert all(TARGETS[each].opening == 0 for each in symbols["bilabial"] | symbols["pause"])
    assert all(TARGETS[each].width <= -0.06 for each in symbols["rounded"])
    assert all(TARGETS[each].width >= 0.045 for each in symbols["spread"])
    assert all(TARGETS[each].opening >= 0.13 for each in symbols["open"])
    vowels = symbols["rounded"] | symbols["spread"] | symbols["open"] | symbols["central"]
    assert vowels - set("wʷʍɥ") == VOWELS


def test_frames_belong_to_the_sound_that_is_heard_at_their_time() -> None:
    masks = class_masks(SOUNDS, 15, 25.0)
    assert list(masks) == [kind.id for kind in PHONEME_CLASSES]
    found = {name: np.flatnonzero(mask).tolist() for name, mask in masks.items() if mask.any()}
    assert found == {
        "bilabial": [2, 3, 4, 10],
        "rounded": [11, 12],
        "spread": [8, 9],
        "open": [5, 6, 7],
        "pause": [0, 1],
    }
    assert sum(mask.astype(int) for mask in masks.values()).max() == 1


def test_sounds_outside_of_the_frames_mark_none() -> None:
    assert not any(mask.any() for mask in class_masks(SOUNDS[-1:], 10, 25.0).values())


def test_intervals_are_the_times_of_the_sounds_of_a_class() -> None:
    np.testing.assert_allclose(class_intervals(SOUNDS, "bilabial"), [[0.08, 0.2], [0.4, 0.41]])
    assert class_intervals(SOUNDS, "hushing").shape == (0, 2)


def test_an_unknown_sound_is_an_error_and_not_a_class_of_its_own() -> None:
    with pytest.raises(MotionError, match="'aɪ' is in no class"):
        phoneme_class("aɪ")
