import pytest

from src.data.speech import PAUSE, Phoneme
from src.data.visemes import BILABIALS, LABIODENTALS, TARGETS, VOWELS, Segment, closure, split_phonemes
from src.errors import DataError
from src.motion import CORE7


def test_diphthongs_and_affricates_fall_into_parts_that_share_their_time() -> None:
    segments = split_phonemes([Phoneme("aɪ", 0.0, 0.2, True), Phoneme("tʃ", 0.2, 0.3, False)])
    assert segments == [
        Segment("a", 0.0, 0.1, True),
        Segment("ɪ", 0.1, 0.2, True),
        Segment("t", 0.2, 0.25, False),
        Segment("ʃ", 0.25, 0.3, False),
    ]


@pytest.mark.parametrize(("symbol", "base"), [("ɑ̃ː", "ɑ"), ("ã", "a"), ("tʰ", "t"), ("n̩", "n")])
def test_length_and_diacritics_leave_the_base_sound(symbol: str, base: str) -> None:
    segments = split_phonemes([Phoneme(symbol, 0.0, 0.1, False)])
    assert [segment.symbol for segment in segments] == [base]


@pytest.mark.parametrize("symbol", ["ʘ", "ː"])
def test_an_unknown_phoneme_is_named(symbol: str) -> None:
    with pytest.raises(DataError, match=rf"phoneme '{symbol}' at 0.50 s has no mouth target. Add it to TARGETS"):
        split_phonemes([Phoneme(PAUSE, 0.0, 0.5, False), Phoneme(symbol, 0.5, 0.6, False)])


def test_targets_stay_within_the_ranges_of_the_channels_with_the_liveliest_style() -> None:
    opening, wide, narrow = (CORE7.channels[CORE7.index(n)].maximum for n in ("jaw_open", "mouth_wide", "mouth_narrow"))
    for target in TARGETS.values():
        assert 0 <= 1.25 * target.opening <= opening
        assert -narrow <= 1.25 * target.width <= wide


def test_every_class_of_sounds_has_targets() -> None:
    assert TARGETS.keys() >= VOWELS | BILABIALS | LABIODENTALS
    assert max(TARGETS[symbol].opening for symbol in BILABIALS) == 0


def test_lips_are_closed_before_the_burst_of_a_voiceless_stop_and_during_a_nasal() -> None:
    assert closure(Segment("p", 1.0, 1.04, False)) == pytest.approx((0.945, 1.0))
    assert closure(Segment("m", 1.0, 1.1, False)) == pytest.approx((1.0, 1.075))
    start_s, end_s = closure(Segment("b", 1.0, 1.02, False))
    assert end_s - start_s == pytest.approx(0.05)
    assert end_s <= 1.02
