"""What a synthetic talking corpus contains: who says what, how it sounds, and how the face moves.

Each clip follows from the seed, its speaker and its number alone, so clips can be made in any order
and in any number of processes. `src.data.synthetic_folder` writes them as videos.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from src.data.articulation import Articulator, Style
from src.data.layouts import Source
from src.data.speech import SAMPLE_RATE_HZ, EspeakSynthesizer, Speech
from src.errors import ConfigError, DataError
from src.files import write_json
from src.motion import Motion

CORPUS_FILE = "corpus.json"
"""Names the clips of a complete corpus, in its folder."""

CONSENT = "not needed: nobody was recorded, and the portrait is in the public domain"
"""What the columns of a store say about the built-in portrait with its synthetic voices."""

# What a stream of random numbers is for; streams of different purposes are independent.
_STYLE, _ORDER, _CLIP, _HELD_OUT = range(4)


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """A voice of espeak-ng; `EspeakSynthesizer.speak` says what the parts mean."""

    voice: str
    variant: str
    pitch: int
    rate_wpm: int

    @property
    def language(self) -> str:
        """First part of the voice's name: `en` of `en-us`."""
        return self.voice.split("-")[0]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """An utterance that the corpus never contains."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, eq=False)
class Utterance:
    """A text as somebody said it, with the motion of the face; frame 0 is the first sample."""

    text: str
    speaker: Speaker
    style: Style
    speech: Speech
    motion: Motion

    @property
    def description(self) -> dict[str, Any]:
        """JSON-like: who said what how, and phonemes with their times."""
        return {
            "language": self.speaker.language,
            **asdict(self.speaker),
            **asdict(self.style),
            "text": self.text,
            "seconds": self.speech.duration_s,
            "phonemes": [asdict(phoneme) for phoneme in self.speech.phonemes],
        }

    def save(self, stem: Path) -> None:
        """Write `<stem>.wav`, `<stem>.motion.npz` and `<stem>.phonemes.json`, each atomically."""
        self.speech.save_wav(stem.with_name(f"{stem.name}.wav"))
        self.motion.save(stem.with_name(f"{stem.name}.motion.npz"))
        write_json(stem.with_name(f"{stem.name}.phonemes.json"), self.description)


class SyntheticCorpus:
    """The contents of a corpus, where each clip belongs, and, once built, the layout to read it by.

    Args:
        root: the folder of the corpus.
        seed: decides texts, styles, silences, levels, blinks and head sway.
        clips_per_speaker: number of clips of each speaker, above 0.
        sentences_per_clip: how many sentences a clip has, above 0.
        silence_s: shortest and longest silence before and after the speech.
        peak: smallest and largest peak of a clip's speech, within 0 .. 1.
        noise_db: lowest and highest level of white noise in dB of full scale.
        articulator: moves the face.
        speakers: who talks; the first is `id00001`.
        held_out: an utterance for tests of what was learned, by another voice and of another text.
        sentences: texts per language. A speaker says all of them before repeating one.
        licence: what may be done with the corpus, for people.

    Raises:
        ConfigError: a number is out of range, a language has no sentences, or what is held out is not.
    """

    def __init__(
        self,
        *,
        root: str,
        seed: int,
        clips_per_speaker: int,
        sentences_per_clip: int,
        silence_s: Sequence[float],
        peak: Sequence[float],
        noise_db: Sequence[float],
        articulator: Articulator,
        speakers: Sequence[Speaker],
        held_out: HeldOut,
        sentences: Mapping[str, Sequence[str]],
        licence: str,
    ) -> None:
        self.root = Path(root)
        self.seed = seed
        self.clips_per_speaker, self.sentences_per_clip = clips_per_speaker, sentences_per_clip
        self._silence_s = _range("silence_s", silence_s, 0.0, np.inf)
        self._peak = _range("peak", peak, 1e-3, 1.0)
        self._noise_db = _range("noise_db", noise_db, -np.inf, 0.0)
        self.articulator = articulator
        self.speakers = tuple(speakers)
        self._held_out = held_out
        self.sentences = {language: tuple(texts) for language, texts in sentences.items()}
        self.licence = licence
        self._check()

    def utter(self, speaker: Speaker, text: str, style: Style, rng: Generator) -> Utterance:
        """Somebody says a text: sound with silence around it and the noise of a room, and the motion."""
        before_s, after_s = rng.uniform(*self._silence_s), rng.uniform(*self._silence_s)
        peak, noise_db = rng.uniform(*self._peak), rng.uniform(*self._noise_db)
        spoken = EspeakSynthesizer().speak(text, **asdict(speaker)).scaled(peak).padded(before_s, after_s)
        noise = rng.standard_normal(len(spoken.waveform)) * 10 ** (noise_db / 20)
        speech = Speech(np.clip(spoken.waveform + noise, -1, 1).astype(np.float32), SAMPLE_RATE_HZ, spoken.phonemes)
        # The motion follows the speech, not the noise: a quiet vowel is as open in a loud room.
        return Utterance(text, speaker, style, speech, self.articulator.move(spoken, style, rng))

    def clip(self, speaker_index: int, clip_index: int) -> Utterance:
        """The content of a clip of the corpus, indices from 0."""
        speaker = self.speakers[speaker_index]
        style = self.articulator.draw_style(self._random(_STYLE, speaker_index))
        text, rng = self._text(speaker_index, clip_index), self._random(_CLIP, speaker_index, clip_index)
        return self.utter(speaker, text, style, rng)

    def held_out(self) -> Utterance:
        """An utterance that training on the corpus never saw: new voice, new text, new style."""
        rng = self._random(_HELD_OUT)
        speaker, text = self._held_out.speaker, self._held_out.text
        return self.utter(speaker, text, self.articulator.draw_style(rng), rng)

    def clip_folder(self, speaker_index: int, clip_index: int) -> Path:
        """Where a clip's three files are."""
        return self.root / f"id{speaker_index + 1:05d}" / f"clip{clip_index + 1:03d}"

    def sources(self) -> list[Source]:
        """The videos of the built corpus, as `src.data.layouts` describes any other.

        Raises:
            DataError: there is no complete corpus in the folder.
        """
        path = self.root / CORPUS_FILE
        if not path.is_file():
            raise DataError(
                f"{self.root}: no complete synthetic corpus ({CORPUS_FILE} is missing). Make it with "
                f"`python -m scripts.make_corpus out={self.root}`; for other videos use data=folder."
            )
        listed = json.loads(path.read_text("utf-8"))
        licence = listed["licence"]
        return [
            Source(self.root / clip["path"], clip["path"], clip["speaker"], clip["language"], licence, CONSENT)
            for clip in listed["clips"]
        ]

    def _text(self, speaker_index: int, clip_index: int) -> str:
        texts = self.sentences[self.speakers[speaker_index].language]
        numbers = range(clip_index * self.sentences_per_clip, (clip_index + 1) * self.sentences_per_clip)
        return " ".join(texts[self._order(speaker_index, n // len(texts))[n % len(texts)]] for n in numbers)

    def _order(self, speaker_index: int, repetition: int) -> NDArray[np.int64]:
        rng = self._random(_ORDER, speaker_index, repetition)
        return rng.permutation(len(self.sentences[self.speakers[speaker_index].language]))

    def _random(self, *key: int) -> Generator:
        return np.random.default_rng(SeedSequence(self.seed, spawn_key=key))

    def _check(self) -> None:
        for name in ("clips_per_speaker", "sentences_per_clip"):
            if getattr(self, name) < 1:
                raise ConfigError(f"synthetic corpus: {name} is {getattr(self, name)}, must be at least 1.")
        if not self.speakers:
            raise ConfigError("synthetic corpus: there are no speakers. Give at least one.")
        for speaker in self.speakers:
            if not self.sentences.get(speaker.language):
                raise ConfigError(
                    f"synthetic corpus: voice {speaker.voice} speaks {speaker.language!r}, for which there are no "
                    f"sentences. Languages with sentences: {', '.join(self.sentences)}."
                )
        timbres = {(speaker.voice, speaker.variant) for speaker in self.speakers}
        held_out = self._held_out
        texts = {text for texts in self.sentences.values() for text in texts}
        if (held_out.speaker.voice, held_out.speaker.variant) in timbres or held_out.text in texts:
            raise ConfigError(
                "synthetic corpus: the held-out voice or text is part of the corpus, so it would not test anything. "
                "Choose another voice variant and another text."
            )


def _range(name: str, bounds: Sequence[float], lowest: float, highest: float) -> tuple[float, float]:
    if len(bounds) != 2 or not lowest <= bounds[0] <= bounds[1] <= highest:
        raise ConfigError(
            f"synthetic corpus: {name} is {list(bounds)}, expected two numbers from small to large within "
            f"{lowest} .. {highest}."
        )
    return float(bounds[0]), float(bounds[1])
