"""What each speech sound asks of the mouth: how far open, how wide, and when the lips are closed.

Symbols are IPA, as espeak-ng gives them. A sound that is missing here is an error, not a guess.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.data.speech import PAUSE, Phoneme
from src.errors import DataError


@dataclass(frozen=True)
class Target:
    """Where a sound wants the mouth: ratios of face size, and how much it insists (0 .. 1)."""

    opening: float
    width: float
    """Above 0 is wide, below is narrow."""
    opening_strength: float
    width_strength: float


def _targets(
    symbols: str, opening: float, width: float, opening_strength: float, width_strength: float
) -> dict[str, Target]:
    return {symbol: Target(opening, width, opening_strength, width_strength) for symbol in symbols.split()}


# Openings are inner-lip gaps of clear speech (an open vowel is some 15 mm, outer eye corners are some
# 90 mm apart). Unrounded vowels follow the IPA chart: low is open, front is wide. Rounding narrows the gap itself, so
# rounded vowels are less open than unrounded ones of the same height, and /u/ less than /i/; the hushes protrude
# the lips and leave the teeth bare; sounds of the throat come with a low jaw (Fromkin: Lip positions in American
# English vowels, 1964; Abry, Boe: "Laws" for lips, Speech Communication 1986; Elgendy: Aspects of pharyngeal
# coarticulation, 2001). Widths vary over a clip as those of real ones do (conf/data/synthetic.yaml).
# Consonants made inside the mouth leave the lips to their neighbours: low strengths.
TARGETS: dict[str, Target] = {
    **_targets("a ä ɑ ɶ", 0.17, 0.015, 1.0, 0.6),
    **_targets("æ", 0.16, 0.053, 1.0, 0.8),
    **_targets("ɐ ʌ", 0.13, 0.007, 1.0, 0.4),
    **_targets("ɒ", 0.09, -0.06, 1.0, 0.9),
    **_targets("ɛ", 0.13, 0.045, 1.0, 0.8),
    **_targets("e", 0.105, 0.068, 1.0, 0.9),
    **_targets("ə ɜ ɘ ɞ ɤ", 0.075, 0.0, 0.7, 0.4),
    **_targets("ɚ ɝ", 0.06, -0.03, 0.8, 0.7),
    **_targets("ɪ ɨ ᵻ", 0.095, 0.053, 0.9, 0.8),
    **_targets("i", 0.07, 0.098, 0.9, 1.0),
    **_targets("ɯ", 0.07, 0.0, 0.9, 0.4),
    **_targets("ɔ", 0.08, -0.075, 1.0, 1.0),
    **_targets("o", 0.055, -0.105, 1.0, 1.0),
    **_targets("œ", 0.09, -0.075, 1.0, 1.0),
    **_targets("ø", 0.055, -0.098, 1.0, 1.0),
    **_targets("ʊ ɵ ʉ", 0.045, -0.09, 0.9, 1.0),
    **_targets("u", 0.03, -0.135, 1.0, 1.0),
    **_targets("y ʏ", 0.035, -0.12, 1.0, 1.0),
    **_targets("p b m ɓ", 0.0, 0.0, 1.0, 0.3),
    **_targets("f v ɱ ʋ", 0.015, 0.007, 1.0, 0.4),
    **_targets("β ɸ", 0.02, 0.0, 1.0, 0.4),
    **_targets("w ʷ ʍ ɥ", 0.015, -0.15, 1.0, 1.0),
    **_targets("ʃ ʒ ɕ ʑ ʂ ʐ", 0.07, -0.083, 0.9, 0.9),
    **_targets("s z", 0.055, 0.038, 0.9, 0.6),
    **_targets("θ ð", 0.045, 0.015, 0.7, 0.4),
    **_targets("t d n l ɫ ɾ r ʈ ɖ ɳ ɭ ɬ ɽ", 0.055, 0.015, 0.5, 0.2),
    **_targets("ɹ ɻ", 0.03, -0.053, 0.8, 0.7),
    **_targets("j ʲ ç ʝ ɲ ʎ c ɟ", 0.07, 0.068, 0.6, 0.7),
    **_targets("k ɡ g ŋ ɴ x ɣ χ ʁ ʀ q ɢ", 0.07, 0.0, 0.3, 0.1),
    **_targets("ħ ʕ", 0.11, 0.0, 0.6, 0.1),
    **_targets("h ɦ ʔ", 0.10, 0.0, 0.3, 0.05),
    PAUSE: Target(0.0, 0.0, 1.2, 0.8),
}

VOWELS = frozenset("aäɑɶæɐʌɒɛeəɜɘɞɤɚɝɪɨᵻiɔoœøʊɵʉɯuyʏ")
BILABIALS = frozenset("pbmɓ")
LABIODENTALS = frozenset("fvɱʋ")
LABIODENTAL_GAP = 0.012
"""What shows between the lower lip and the upper teeth, of face size."""

# How espeak-ng cuts its phonemes, read off spectrograms. An event of /b m/ ends after the lips have
# parted; one of a voiceless stop starts at its burst, the closure before it belongs to its neighbour.
RELEASE_BEFORE_END_S = 0.025
CLOSURE_BEFORE_BURST_S = 0.055
MINIMUM_HOLD_S = 0.05
"""Longer than a frame, so that every closure is seen in at least one."""


@dataclass(frozen=True)
class Segment:
    """A part of a phoneme with one target: diphthongs and affricates have several."""

    symbol: str
    start_s: float
    end_s: float
    stressed: bool


def split_phonemes(phonemes: Sequence[Phoneme]) -> list[Segment]:
    """Parts with one target each: a diphthong is several vowels, an affricate a stop and a hiss.

    Raises:
        DataError: a phoneme has no target.
    """
    segments = []
    for phoneme in phonemes:
        parts = [phoneme.symbol] if phoneme.symbol == PAUSE else _letters(phoneme.symbol)
        unknown = [part for part in parts if part not in TARGETS]
        if unknown or not parts:
            raise DataError(
                f"phoneme {phoneme.symbol!r} at {phoneme.start_s:.2f} s has no mouth target. "
                "Add it to TARGETS in src/data/visemes.py, or choose another language."
            )
        edges = np.linspace(phoneme.start_s, phoneme.end_s, len(parts) + 1)
        segments += [
            Segment(part, float(start_s), float(end_s), phoneme.stressed)
            for part, start_s, end_s in zip(parts, edges[:-1], edges[1:], strict=True)
        ]
    return segments


def closure(segment: Segment) -> tuple[float, float]:
    """Start and end in seconds of the time in which the lips of a labial sound are held together."""
    if segment.symbol == "p":
        return segment.start_s - CLOSURE_BEFORE_BURST_S, segment.start_s
    if segment.symbol in LABIODENTALS:
        return segment.start_s, segment.end_s
    # A stop in a cluster has hardly any time of its own; the lips are closed earlier, never later.
    end_s = max(segment.end_s - RELEASE_BEFORE_END_S, segment.start_s)
    return min(segment.start_s, end_s - MINIMUM_HOLD_S), end_s


def _letters(symbol: str) -> list[str]:
    """Base letters: without length marks, ties, diacritics and other modifiers."""
    decomposed = unicodedata.normalize("NFD", symbol)
    return [letter for letter in decomposed if unicodedata.category(letter) == "Ll" or letter in TARGETS]
