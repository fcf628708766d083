"""Kinds of speech sounds by what they ask of the lips: a model may be good at vowels and never close for /m/.

Sounds are single IPA symbols with their times, as `src.data.visemes.split_phonemes` gives them: a diphthong is two
vowels, an affricate a stop and a hiss, without length marks and diacritics. Every symbol that the articulator of the
synthetic corpus knows is in exactly one class (`tests/eval/test_phoneme_classes.py`).

Classes follow the mouth as one sees it and not the chart alone: /w/ stands with the rounded vowels because it rounds
the lips, /j/ with sounds that the tongue makes further back because it asks for no vowel's opening, /ɶ/ with open
vowels because so wide a mouth can hardly be round.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError


class TimedSound(Protocol):
    """A speech sound from `start_s` to `end_s`, in seconds of the clip that its frames belong to."""

    @property
    def symbol(self) -> str:
        """One IPA letter, or `_` for a pause."""

    @property
    def start_s(self) -> float:
        """When it begins."""

    @property
    def end_s(self) -> float:
        """When it ends; not part of it."""


@dataclass(frozen=True)
class PhonemeClass:
    """Sounds that a mouth shows alike."""

    id: str
    label: str
    symbols: frozenset[str]
    meaning: str


def _class(id: str, label: str, symbols: str, meaning: str) -> PhonemeClass:
    return PhonemeClass(id, label, frozenset(symbols.split()), meaning)


PHONEME_CLASSES = (
    _class("bilabial", "bilabial closures", "p b m ɓ", "both lips meet"),
    _class("labiodental", "labiodentals", "f v ɱ ʋ β ɸ", "the lower lip at the upper teeth, or lips nearly closed"),
    _class("rounded", "rounded vowels", "ɒ ɔ o œ ø ʊ ɵ ʉ u y ʏ w ʷ ʍ ɥ", "narrow lips; with their glides"),
    _class("spread", "spread vowels", "i ɪ ɨ ᵻ e ɛ", "wide lips, not far apart"),
    _class("open", "open vowels", "a ä ɑ ɶ æ ɐ ʌ", "a low jaw"),
    _class("central", "other vowels", "ə ɜ ɘ ɞ ɤ ɯ ɚ ɝ", "lips at rest, half open"),
    _class(
        "alveolar", "alveolars", "t d n l ɫ ɾ r ʈ ɖ ɳ ɭ ɬ ɽ s z θ ð",
        "stops, fricatives and others of the tip of the tongue; hisses keep the teeth close, the rest leaves the lips "
        "to its neighbours",
    ),
    _class("hushing", "hushes and r", "ʃ ʒ ɕ ʑ ʂ ʐ ɹ ɻ", "protruded lips, teeth close"),
    _class(
        "velar", "palatals, velars, throat", "j ʲ ç ʝ ɲ ʎ c ɟ k ɡ g ŋ ɴ x ɣ χ ʁ ʀ q ɢ ħ ʕ h ɦ ʔ",
        "made behind the lips, which are left to the neighbours",
    ),
    _class("pause", "pauses", "_", "nothing is said"),
)  # fmt: skip
"""All classes, in the order in which reports show them."""

_CLASS_OF = {symbol: kind.id for kind in PHONEME_CLASSES for symbol in kind.symbols}


def phoneme_class(symbol: str) -> str:
    """Id of the class of a sound.

    Raises:
        MotionError: the symbol is in no class.
    """
    if symbol not in _CLASS_OF:
        raise MotionError(
            f"the speech sound {symbol!r} is in no class. Give single IPA letters, or add it to PHONEME_CLASSES in "
            "src/eval/phoneme_classes.py."
        )
    return _CLASS_OF[symbol]


def class_masks(sounds: Sequence[TimedSound], num_frames: int, fps: float) -> dict[str, NDArray[np.bool_]]:
    """Which frames belong to which class: frame i to the sound that is heard at i / fps seconds.

    Args:
        sounds: of the clip, single letters; times outside of the frames are of no matter.
        num_frames: T.
        fps: frames per second.

    Returns:
        By class id, in the order of `PHONEME_CLASSES`, (T,) marks. A frame is in one class at most, and in none where
        no sound is known.

    Raises:
        MotionError: a symbol is in no class.
    """
    masks = {kind.id: np.zeros(num_frames, bool) for kind in PHONEME_CLASSES}
    for sound in sounds:
        # Less than a frame's rounding error, so that a sound that starts at 1.2 s has frame 30.
        first, stop = (max(int(np.ceil(time_s * fps - 1e-6)), 0) for time_s in (sound.start_s, sound.end_s))
        masks[phoneme_class(sound.symbol)][first:stop] = True
    return masks


def class_intervals(sounds: Sequence[TimedSound], class_id: str) -> NDArray[np.float64]:
    """(N, 2) start and end in seconds of the sounds of one class, such as `closures_made` wants them.

    These are the times in which a sound is heard. Lips close before the burst of a /p/: where it is known how the
    phonemes were cut, as in the synthetic corpus, `src.data.phoneme_times.closures_of` has the times of the closures.

    Raises:
        MotionError: a symbol is in no class.
    """
    spans = [(sound.start_s, sound.end_s) for sound in sounds if phoneme_class(sound.symbol) == class_id]
    return np.array(spans, np.float64).reshape(-1, 2)
