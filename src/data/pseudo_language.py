"""Words that nobody ever said, in the sounds and the spelling of a language.

Lips follow syllables, not meaning. Words drawn from the syllables of a language have its sounds and its rhythm, and
there is no end of them, so that a corpus needs no collection of texts and no network learns a sentence by heart.
"""

from collections.abc import Sequence

from numpy.random import Generator

from src.errors import ConfigError

NOTHING = "0"
"""Stands for no letters, as in the coda of an open syllable."""

_COMMA_SHARE = 0.12


class PseudoLanguage:
    """Syllables, and who speaks them.

    Attributes:
        voices: of espeak-ng.
    """

    def __init__(
        self, *, voices: Sequence[str], onsets: str, vowels: str, codas: str, syllables_per_word: Sequence[int]
    ) -> None:
        """Take the spelling of parts of syllables, separated by spaces; one that stands twice is twice as frequent.

        Args:
            voices: of espeak-ng, such as `en-us`.
            onsets, vowels, codas: what a syllable consists of, in this order; `0` is no letters.
            syllables_per_word: drawn from, with the same rule about frequency.

        Raises:
            ConfigError: something is empty.
        """
        self.voices = tuple(voices)
        self._parts = tuple([_spelled(part) for part in text.split()] for text in (onsets, vowels, codas))
        self._syllables_per_word = tuple(syllables_per_word)
        if not self.voices or not all(self._parts) or min(self._syllables_per_word, default=0) < 1:
            raise ConfigError(
                f"pseudo language of {', '.join(self.voices) or 'no voice'}: voices, onsets, vowels, codas and "
                "syllables_per_word must each have at least one entry, and words at least one syllable. Add them."
            )

    def sentence(self, num_words: int, rng: Generator) -> str:
        """So many words, with commas here and there, and a full stop."""
        words = [self._word(rng) + ("," if rng.random() < _COMMA_SHARE else "") for _ in range(num_words)]
        return " ".join(words).rstrip(",") + "."

    def _word(self, rng: Generator) -> str:
        num_syllables = self._syllables_per_word[rng.integers(len(self._syllables_per_word))]
        return "".join(part[rng.integers(len(part))] for _ in range(num_syllables) for part in self._parts)


def _spelled(part: str) -> str:
    return "" if part == NOTHING else part
