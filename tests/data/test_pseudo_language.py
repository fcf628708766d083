import numpy as np
import pytest

from src.data.pseudo_language import PseudoLanguage
from src.errors import ConfigError

SETTINGS = {"voices": ["es"], "onsets": "b m m 0", "vowels": "a o", "codas": "0 n", "syllables_per_word": [1, 2, 2]}


def words_of(seed: int, num_words: int) -> list[str]:
    sentence = PseudoLanguage(**SETTINGS).sentence(num_words, np.random.default_rng(seed))
    assert sentence.endswith(".")
    return sentence.rstrip(".").replace(",", "").split(" ")


def test_a_sentence_has_so_many_words_of_the_given_syllables() -> None:
    words = words_of(0, 200)
    assert len(words) == 200
    assert {letter for word in words for letter in word} == set("bmaon")
    syllables = [sum(letter in "ao" for letter in word) for word in words]
    assert set(syllables) == {1, 2}
    assert 1.5 < np.mean(syllables) < 1.8


def test_what_stands_twice_is_twice_as_frequent() -> None:
    letters = "".join(words_of(1, 2000))
    assert letters.count("m") == pytest.approx(2 * letters.count("b"), rel=0.15)


def test_the_same_draws_give_the_same_sentence() -> None:
    assert words_of(3, 9) == words_of(3, 9) != words_of(4, 9)


@pytest.mark.parametrize("empty", [{"voices": []}, {"codas": ""}, {"syllables_per_word": []}])
def test_a_language_without_something_to_say_is_refused(empty: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="must each have at least one entry"):
        PseudoLanguage(**{**SETTINGS, **empty})  # type: ignore[arg-type]
