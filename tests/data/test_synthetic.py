import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from src.data.articulation import Articulator
from src.data.layouts import Source
from src.data.speech import PAUSE, EspeakSynthesizer
from src.data.synthetic import CONSENT, CORPUS_FILE, HeldOut, Speaker, SyntheticCorpus
from src.data.visemes import BILABIALS, split_phonemes
from src.errors import ConfigError, DataError
from src.files import write_json
from src.motion import Motion

ENGLISH, GERMAN = (
    Speaker(voice=voice, variant=variant, pitch=50, rate_wpm=190) for voice, variant in (("en-us", "f2"), ("de", "m1"))
)
SETTINGS = {
    "root": "unused",
    "seed": 0,
    "clips_per_speaker": 3,
    "sentences_per_clip": 2,
    "silence_s": (0.2, 0.4),
    "peak": (0.3, 0.6),
    "noise_db": (-70.0, -50.0),
    "speakers": (ENGLISH, GERMAN),
    "held_out": HeldOut(speaker=Speaker(voice="en-us", variant="m3", pitch=50, rate_wpm=190), text="Maybe tomorrow."),
    "sentences": {"en": ("Mama.", "Bob.", "Papa."), "de": ("Oma.", "Ebbe.", "Baum.", "Am.")},
    "licence": "none",
}


@pytest.fixture(scope="module")
def articulator() -> Articulator:
    pytest.importorskip("espeakng_loader", reason="the speech library is not installed (extra `speech`)")
    with open("conf/data/synthetic.yaml", encoding="utf-8") as file:
        settings = yaml.safe_load(file)["articulator"]
    del settings["_target_"]
    return Articulator(**settings)


def corpus(articulator: Articulator, **changed: object) -> SyntheticCorpus:
    return SyntheticCorpus(**{**SETTINGS, "articulator": articulator, **changed})


def test_a_clip_does_not_depend_on_the_clips_made_before_it(articulator: Articulator) -> None:
    alone = corpus(articulator).clip(1, 1)
    other = corpus(articulator, clips_per_speaker=99)
    other.clip(0, 0)
    again = other.clip(1, 1)
    assert alone.text == again.text
    np.testing.assert_array_equal(alone.speech.waveform, again.speech.waveform)
    np.testing.assert_array_equal(alone.motion.values, again.motion.values)


def test_clips_differ_in_everything_but_the_style_of_their_speaker(articulator: Articulator) -> None:
    one, two, other = corpus(articulator).clip(0, 0), corpus(articulator).clip(0, 1), corpus(articulator).clip(1, 0)
    assert one.text != two.text
    assert one.style == two.style != other.style
    assert np.abs(one.motion.values[:20, 3:6] - two.motion.values[:20, 3:6]).max() > 0.1
    assert one.speech.duration_s != two.speech.duration_s


def test_another_seed_gives_another_corpus(articulator: Articulator) -> None:
    one, other = (corpus(articulator, seed=seed).clip(0, 0) for seed in (0, 1))
    assert one.style != other.style
    assert one.speech.phonemes != other.speech.phonemes


def test_a_speaker_says_every_sentence_of_its_language_before_repeating_one(articulator: Articulator) -> None:
    built = corpus(articulator, sentences_per_clip=1)
    texts = [built.clip(1, number).text for number in range(8)]
    assert sorted(texts[:4]) == sorted(texts[4:]) == sorted(SETTINGS["sentences"]["de"])


def test_motion_and_sound_cover_the_same_time(articulator: Articulator) -> None:
    utterance = corpus(articulator).clip(0, 2)
    assert len(utterance.motion) == -(-len(utterance.speech.waveform) // 640)
    assert utterance.motion.start_s == 0
    assert utterance.speech.phonemes[0].symbol == utterance.speech.phonemes[-1].symbol == PAUSE
    assert utterance.speech.phonemes[0].duration_s >= 0.2


def test_every_spoken_bilabial_is_seen_closed_and_lips_are_open_elsewhere(articulator: Articulator) -> None:
    utterance = corpus(articulator).clip(0, 0)
    jaw, times = utterance.motion.channel("jaw_open"), utterance.motion.times_s
    for segment in split_phonemes(utterance.speech.phonemes):
        if segment.symbol in BILABIALS:
            assert jaw[np.abs(times - segment.start_s) < 0.06].min() < 0.002, segment
    assert jaw.max() > 0.04


def test_the_silence_before_the_speech_holds_noise_of_the_asked_level(articulator: Articulator) -> None:
    speech = corpus(articulator, noise_db=(-50.0, -50.0)).clip(0, 0).speech
    before = speech.waveform[: int(0.2 * speech.sample_rate_hz)]
    assert 20 * np.log10(before.std()) == pytest.approx(-50, abs=0.5)
    assert 0.3 <= np.abs(speech.waveform).max() <= 0.62


def test_the_held_out_utterance_is_of_a_new_voice_and_text_and_repeats_itself(articulator: Articulator) -> None:
    first, second = corpus(articulator).held_out(), corpus(articulator, clips_per_speaker=7).held_out()
    assert first.text == "Maybe tomorrow."
    assert first.speaker not in SETTINGS["speakers"]
    np.testing.assert_array_equal(first.speech.waveform, second.speech.waveform)
    np.testing.assert_array_equal(first.motion.values, second.motion.values)


def test_a_saved_utterance_is_a_wav_and_its_true_motion(articulator: Articulator, tmp_path: Path) -> None:
    utterance = corpus(articulator).held_out()
    utterance.save(tmp_path / "v1.0 held out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "v1.0 held out.motion.npz",
        "v1.0 held out.phonemes.json",
        "v1.0 held out.wav",
    ]
    motion = Motion.load(tmp_path / "v1.0 held out.motion.npz")
    np.testing.assert_array_equal(motion.values, utterance.motion.values)


def test_a_built_corpus_is_read_by_its_list(articulator: Articulator, tmp_path: Path) -> None:
    clip = {"path": "id00002/clip001/00001.mp4", "speaker": "id00002", "language": "de"}
    write_json(tmp_path / CORPUS_FILE, {"licence": "free", "clips": [clip]})
    name = clip["path"]
    expected = Source(tmp_path / name, name, "id00002", "de", "free", CONSENT)
    assert corpus(articulator, root=str(tmp_path)).sources() == [expected]


def test_an_unbuilt_corpus_says_how_to_build_it(articulator: Articulator, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no complete synthetic corpus .*python -m scripts.make_corpus out="):
        corpus(articulator, root=str(tmp_path)).sources()


@pytest.mark.slow
def test_every_sentence_of_the_configured_corpus_can_be_articulated(articulator: Articulator) -> None:
    with open("conf/data/synthetic.yaml", encoding="utf-8") as file:
        config = yaml.safe_load(file)
    assert {language: len(texts) >= 20 for language, texts in config["sentences"].items()} == dict.fromkeys(
        ("en", "es", "de"), True
    )
    for speaker in config["speakers"]:
        del speaker["_target_"]
        speak, texts = partial(EspeakSynthesizer().speak, **speaker), config["sentences"][Speaker(**speaker).language]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # each sentence is a process
            for text, speech in zip(texts, pool.map(speak, texts), strict=True):
                assert len(split_phonemes(speech.phonemes)) > 10, text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"clips_per_speaker": 0}, "clips_per_speaker is 0, must be at least 1"),
        ({"speakers": ()}, "there are no speakers"),
        ({"peak": (0.5, 1.5)}, r"peak is \[0.5, 1.5\], expected two numbers from small to large within 0.001 .. 1.0"),
        ({"sentences": {"de": ("Oma.",)}}, "voice en-us speaks 'en', for which there are no sentences"),
        ({"held_out": HeldOut(speaker=GERMAN, text="Neu.")}, "held-out voice or text is part of the corpus"),
        (
            {"held_out": HeldOut(speaker=Speaker(voice="en-us", variant="m9", pitch=1, rate_wpm=99), text="Oma.")},
            "held-out",
        ),
    ],
)
def test_a_corpus_that_makes_no_sense_is_refused(
    articulator: Articulator, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        corpus(articulator, **changed)
