import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from src.data.speech import PAUSE, SAMPLE_RATE_HZ, EspeakSynthesizer, Phoneme, Speech
from src.errors import DataError

VOICE = {"voice": "en-us", "variant": "f2", "rate_wpm": 160, "pitch": 50}


@pytest.fixture(scope="module")
def synthesizer() -> EspeakSynthesizer:
    pytest.importorskip("espeakng_loader", reason="the speech library is not installed (extra `speech`)")
    return EspeakSynthesizer()


@pytest.fixture
def beep() -> Speech:
    waveform = np.sin(np.arange(1600) / 3).astype(np.float32) * 0.5
    return Speech(waveform, SAMPLE_RATE_HZ, (Phoneme("a", 0.0, 0.06, True), Phoneme(PAUSE, 0.06, 0.1, False)))


def test_an_utterance_does_not_depend_on_what_was_spoken_before(synthesizer: EspeakSynthesizer) -> None:
    alone = synthesizer.speak("Mama bought a balloon.", **VOICE)
    synthesizer.speak("Flüstern.", voice="de", variant="whisper", rate_wpm=300, pitch=90)
    again = synthesizer.speak("Mama bought a balloon.", **VOICE)
    np.testing.assert_array_equal(alone.waveform, again.waveform)
    assert alone.phonemes == again.phonemes


def test_threads_do_not_disturb_each_other(synthesizer: EspeakSynthesizer) -> None:
    texts = ["Bobby papered the wall.", "She sees the sea.", "Why do you worry?"]
    expected = [synthesizer.speak(text, **VOICE).waveform for text in texts]
    with ThreadPoolExecutor(3) as pool:
        spoken = list(pool.map(lambda text: synthesizer.speak(text, **VOICE), texts))
    for speech, wanted in zip(spoken, expected, strict=True):
        np.testing.assert_array_equal(speech.waveform, wanted)


def test_phonemes_are_those_of_the_word_and_cover_the_sound_without_gaps(synthesizer: EspeakSynthesizer) -> None:
    speech = synthesizer.speak("mama", **VOICE)
    spoken = [phoneme for phoneme in speech.phonemes if phoneme.symbol != PAUSE]
    assert [phoneme.symbol for phoneme in spoken] == ["m", "ɑː", "m", "ɐ"]
    assert [phoneme.stressed for phoneme in spoken] == [False, True, False, False]
    assert speech.phonemes[0].start_s == 0
    assert speech.phonemes[-1].end_s == speech.duration_s
    for before, after in zip(speech.phonemes[:-1], speech.phonemes[1:], strict=True):
        assert before.end_s == after.start_s


def test_phoneme_times_point_at_their_sound(synthesizer: EspeakSynthesizer) -> None:
    speech = synthesizer.speak("Ah. Ah. Ah.", **VOICE)
    for phoneme in speech.phonemes:
        part = speech.waveform[round(phoneme.start_s * SAMPLE_RATE_HZ) : round(phoneme.end_s * SAMPLE_RATE_HZ)]
        rms = float(np.sqrt(np.mean(part**2)))
        assert (rms < 0.02) == (phoneme.symbol == PAUSE), phoneme


def test_a_long_symbol_is_never_cut_inside_a_character(synthesizer: EspeakSynthesizer) -> None:
    speech = synthesizer.speak("Fire, choir, employer, hour, four.", **VOICE)
    assert "aɪɚ" in [phoneme.symbol for phoneme in speech.phonemes]
    assert not any("�" in phoneme.symbol for phoneme in speech.phonemes)


def test_a_faster_rate_is_shorter_and_a_higher_pitch_is_higher(synthesizer: EspeakSynthesizer) -> None:
    def fundamental_hz(speech: Speech) -> float:
        spectrum = np.abs(np.fft.rfft(speech.waveform * np.hanning(len(speech.waveform)), 1 << 16))
        correlation = np.fft.irfft(spectrum**2)
        shortest, longest = SAMPLE_RATE_HZ // 500, SAMPLE_RATE_HZ // 60
        return SAMPLE_RATE_HZ / (shortest + int(np.argmax(correlation[shortest:longest])))

    slow, fast = (synthesizer.speak("We all saw one.", **{**VOICE, "rate_wpm": rate}) for rate in (120, 240))
    low, high = (synthesizer.speak("We all saw one.", **{**VOICE, "pitch": pitch}) for pitch in (10, 90))
    assert fast.duration_s < 0.7 * slow.duration_s
    assert fundamental_hz(high) > 1.2 * fundamental_hz(low)


def test_padding_shifts_phonemes_with_the_sound(beep: Speech) -> None:
    padded = beep.padded(0.25, 0.5)
    assert len(padded.waveform) == 1600 + 4000 + 8000
    np.testing.assert_array_equal(padded.waveform[4000:5600], beep.waveform)
    assert [phoneme.symbol for phoneme in padded.phonemes] == [PAUSE, "a", PAUSE]
    assert padded.phonemes[1].start_s == pytest.approx(0.25)
    assert padded.phonemes[2].end_s == pytest.approx(0.85)


def test_scaling_sets_the_peak(beep: Speech) -> None:
    assert np.abs(beep.scaled(0.25).waveform).max() == pytest.approx(0.25)


def test_a_saved_wav_holds_the_waveform_in_16_bits(beep: Speech, tmp_path: Path) -> None:
    beep.save_wav(tmp_path / "beep.wav")
    with wave.open(str(tmp_path / "beep.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        stored = np.frombuffer(file.readframes(1600), np.int16)
    np.testing.assert_allclose(stored / 32767, beep.waveform, atol=1 / 32767)


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        ("  ", {}, "the text to speak is empty"),
        ("Hi", {"voice": "klingon-x"}, "espeak-ng has no voice 'klingon-x.f2'. Choose the name of a file"),
        ("Hi", {"variant": "f99"}, "espeak-ng has no variant 'f99'. It has: .*f1, f2"),
        ("Hi", {"rate_wpm": 20}, "rate_wpm 20 is outside 80 .. 450"),
        ("Hi", {"pitch": 120}, "pitch 120 is outside 0 .. 99"),
        ("...", {}, "says nothing for '...'"),
    ],
)
def test_what_cannot_be_spoken_is_refused(
    synthesizer: EspeakSynthesizer, text: str, change: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        synthesizer.speak(text, **{**VOICE, **change})


def test_a_missing_library_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DataError, match=r'pip install "audio2motion\[speech\]"'):
        EspeakSynthesizer()
