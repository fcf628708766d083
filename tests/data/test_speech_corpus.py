from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from src.data.articulation import Articulator
from src.data.pseudo_language import PseudoLanguage
from src.data.speech import EspeakSynthesizer
from src.data.speech_corpus import SAMPLES_PER_FRAME, SpeechCorpus
from src.data.visemes import split_phonemes
from src.errors import ConfigError

CONFIG = Path("conf/data/synthetic_speech.yaml")


def configured() -> dict[str, Any]:
    """The values of the group, objects made, without Hydra."""
    values: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    values["articulator"] = Articulator(**without_target(values["articulator"]))
    values["languages"] = {
        code: PseudoLanguage(**without_target(language)) for code, language in values["languages"].items()
    }
    return without_target(values)


def without_target(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith("_")}


def corpus(**changed: Any) -> SpeechCorpus:
    return SpeechCorpus(**configured() | {"num_speakers": 30, "utterances_per_speaker": 2, "words": [3, 5]} | changed)


@pytest.fixture(scope="module", autouse=True)
def speech_library() -> None:
    pytest.importorskip("espeakng_loader", reason="the speech library is not installed (extra `speech`)")


def test_what_a_speaker_says_does_not_depend_on_the_others() -> None:
    built = corpus()
    built.clips(0)
    after, alone = built.clips(3), corpus(num_speakers=4).clips(3)
    assert len(after) == len(alone)
    for one, other in zip(after, alone, strict=True):
        np.testing.assert_array_equal(one.waveform, other.waveform)
        np.testing.assert_array_equal(one.motion.values, other.motion.values)


def test_cut_clips_follow_each_other_and_carry_the_motion_of_their_own_sound() -> None:
    (whole,) = corpus(utterances_per_speaker=1, cut_share=0.0).clips(1)
    # The draws up to the cutting are the same.
    parts = corpus(utterances_per_speaker=1, cut_share=1.0, cut_s=[0.4, 0.8]).clips(1)
    assert len(parts) > 2
    joined = np.concatenate([part.waveform for part in parts])
    np.testing.assert_array_equal(joined, whole.waveform[: len(joined)])
    motion = np.concatenate([part.motion.values for part in parts])
    np.testing.assert_array_equal(motion, whole.motion.values[: len(motion)])
    assert [part.start_s for part in parts[1:]] == [
        pytest.approx(part.start_s + len(part.motion) / 25) for part in parts[:-1]
    ]
    assert {10 <= len(part.motion) <= 20 for part in parts} == {True}
    assert all(len(part.motion) == -(-len(part.waveform) // SAMPLES_PER_FRAME) for part in parts)
    assert all(part.utterance_s == whole.utterance_s for part in parts)
    for part in parts:
        assert part.phonemes[0].start_s == 0.0
        assert part.phonemes[-1].end_s == pytest.approx(len(part.waveform) / 16_000)
        for phoneme in part.phonemes[1:]:
            in_whole = [
                each for each in whole.phonemes if each.start_s == pytest.approx(phoneme.start_s + part.start_s)
            ]
            assert [each.symbol for each in in_whole] == [phoneme.symbol]


def test_another_seed_gives_other_voices() -> None:
    one, other = (corpus(seed=seed, utterances_per_speaker=1, cut_share=0.0).clips(0)[0] for seed in (0, 1))
    assert len(one.waveform) != len(other.waveform)


def test_speakers_take_turns_in_the_languages() -> None:
    built = corpus()
    assert [built.language(index) for index in range(len(built.languages))] == list(built.languages)
    assert built.language(len(built.languages)) == built.language(0)


@pytest.mark.slow
def test_every_voice_of_the_configuration_speaks_phonemes_that_have_targets() -> None:
    synthesizer, rng = EspeakSynthesizer(), np.random.default_rng(0)
    values = configured()
    assert set(values["unused_variants"]) < set(synthesizer.variants)
    for language in values["languages"].values():
        for voice in language.voices:
            spoken = synthesizer.speak(language.sentence(60, rng), voice=voice, variant="", rate_wpm=300, pitch=50)
            assert len(split_phonemes(spoken.phonemes)) > 100


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_speakers": 0}, "num_speakers, utterances_per_speaker, languages, words and cut_s must each be at least"),
        ({"cut_s": [0.01, 1.0]}, "must each be at least one"),
        ({"pitch": [50, 20]}, r"pitch is \[50, 20\], expected two numbers from small to large"),
    ],
)
def test_a_corpus_that_makes_no_sense_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        corpus(**changed)
