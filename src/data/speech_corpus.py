"""A corpus of synthetic speech without pictures: many voices of many languages, and the motion that they imply.

What a speaker says and how follows from the seed and the speaker's number alone, so speakers can be made in any order
and in any number of processes. `src.data.speech_store` writes them as a store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from src.data.articulation import Articulator, Style
from src.data.phoneme_times import shifted
from src.data.pseudo_language import PseudoLanguage
from src.data.speech import PAUSE, SAMPLE_RATE_HZ, EspeakSynthesizer, Phoneme, Speech
from src.data.synthetic import Speaker
from src.errors import ConfigError
from src.motion import FRAMES_PER_SECOND, Motion

SAMPLES_PER_FRAME = SAMPLE_RATE_HZ // FRAMES_PER_SECOND


@dataclass(frozen=True, eq=False)
class SpeechClip:
    """A stretch of an utterance.

    Attributes:
        waveform: (S,) float32 in [-1, 1] at 16 kHz.
        motion: T = ceil(S / 640) frames from time 0.
        start_s: where in the utterance it begins.
        utterance_s: how long that is.
        speech_share: share of the frames in which somebody speaks.
        phonemes: what is said when, in seconds of `waveform`.
    """

    waveform: NDArray[np.float32]
    motion: Motion
    start_s: float
    utterance_s: float
    speech_share: float
    phonemes: tuple[Phoneme, ...]


class SpeechCorpus:
    """Who speaks, what, and how it sounds."""

    def __init__(
        self,
        *,
        seed: int,
        num_speakers: int,
        utterances_per_speaker: int,
        words: Sequence[int],
        languages: Mapping[str, PseudoLanguage],
        unused_variants: Sequence[str],
        pitch: Sequence[int],
        rate_wpm: Sequence[int],
        silence_s: Sequence[float],
        peak: Sequence[float],
        noise_db: Sequence[float],
        cut_share: float,
        cut_s: Sequence[float],
        articulator: Articulator,
        licence: str,
    ) -> None:
        """Describe the corpus; nothing is spoken yet.

        Args:
            seed: of all draws.
            num_speakers: how many.
            utterances_per_speaker: how often each of them speaks.
            words: fewest and most words of an utterance.
            languages: by their codes; speakers take turns in them.
            unused_variants: timbres of espeak-ng that no person has.
            pitch, rate_wpm: ranges of `EspeakSynthesizer.speak`.
            silence_s: shortest and longest silence before and after an utterance.
            peak: smallest and largest peak of an utterance, within 0 .. 1.
            noise_db: lowest and highest level of white noise in dB of full scale.
            cut_share: share of the utterances that are cut into clips, so that a network hears speech that has
                begun already, as in clips of real people.
            cut_s: shortest and longest clip of those; what is left at the end is dropped if it is shorter.
            articulator: moves the face.
            licence: what may be done with the corpus, for people.

        Raises:
            ConfigError: a number makes no sense.
        """
        self.seed, self.num_speakers = seed, num_speakers
        self.languages = dict(languages)
        self.licence = licence
        self._utterances_per_speaker, self._cut_share = utterances_per_speaker, cut_share
        self._unused_variants = frozenset(unused_variants)
        self._articulator = articulator
        ranges = (words, pitch, rate_wpm, silence_s, peak, noise_db, cut_s)
        names = ("words", "pitch", "rate_wpm", "silence_s", "peak", "noise_db", "cut_s")
        for name, bounds in zip(names, ranges, strict=True):
            if len(bounds) != 2 or bounds[0] > bounds[1]:
                raise ConfigError(f"speech corpus: {name} is {list(bounds)}, expected two numbers from small to large.")
        self._words, self._pitch, self._rate_wpm = words, pitch, rate_wpm
        self._silence_s, self._peak, self._noise_db = silence_s, peak, noise_db
        self._cut_frames = [round(seconds * FRAMES_PER_SECOND) for seconds in cut_s]
        if min(num_speakers, utterances_per_speaker, len(self.languages), words[0], self._cut_frames[0]) < 1:
            raise ConfigError(
                "speech corpus: num_speakers, utterances_per_speaker, languages, words and cut_s must each be at least "
                "one (of a frame, for cut_s). Raise what is 0."
            )

    def language(self, speaker_index: int) -> str:
        """Code of the language that a speaker speaks, index from 0."""
        return list(self.languages)[speaker_index % len(self.languages)]

    def clips(self, speaker_index: int) -> list[SpeechClip]:
        """All that a speaker says, index from 0.

        Raises:
            DataError: espeak-ng is missing or refuses; or a phoneme has no target.
        """
        rng = np.random.default_rng(SeedSequence(self.seed, spawn_key=(speaker_index,)))
        synthesizer = EspeakSynthesizer()
        language = self.languages[self.language(speaker_index)]
        variants = [variant for variant in synthesizer.variants if variant not in self._unused_variants]
        speaker = Speaker(
            voice=language.voices[rng.integers(len(language.voices))],
            variant=variants[rng.integers(len(variants))],
            pitch=int(rng.integers(self._pitch[0], self._pitch[1] + 1)),
            rate_wpm=int(rng.integers(self._rate_wpm[0], self._rate_wpm[1] + 1)),
        )
        style = self._articulator.draw_style(rng)
        clips: list[SpeechClip] = []
        for _ in range(self._utterances_per_speaker):
            text = language.sentence(int(rng.integers(self._words[0], self._words[1] + 1)), rng)
            clips += self._cut(*self._utter(synthesizer.speak(text, **asdict(speaker)), style, rng), rng)
        return clips

    def _utter(self, spoken: Speech, style: Style, rng: Generator) -> tuple[Speech, Motion]:
        """The speech between silences in the noise of a room, and its motion."""
        before_s, after_s = (_between(self._silence_s, rng) for _ in range(2))
        spoken = spoken.scaled(_between(self._peak, rng)).padded(before_s, after_s)
        noise = rng.standard_normal(len(spoken.waveform)) * 10 ** (_between(self._noise_db, rng) / 20)
        waveform = np.clip(spoken.waveform + noise, -1, 1).astype(np.float32)
        return Speech(waveform, SAMPLE_RATE_HZ, spoken.phonemes), self._articulator.move(spoken, style, rng)

    def _cut(self, speech: Speech, motion: Motion, rng: Generator) -> list[SpeechClip]:
        frames = len(motion)
        edges = [0, frames]
        if rng.random() < self._cut_share:
            edges = [0]
            while edges[-1] + self._cut_frames[0] <= frames:
                edges.append(min(edges[-1] + int(rng.integers(self._cut_frames[0], self._cut_frames[1] + 1)), frames))
        speaks = np.zeros(frames, bool)
        for phoneme in speech.phonemes:
            if phoneme.symbol != PAUSE:
                speaks |= (motion.times_s >= phoneme.start_s) & (motion.times_s < phoneme.end_s)
        return [
            SpeechClip(
                waveform=speech.waveform[begin * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME],
                motion=Motion(motion.values[begin:end].copy(), motion.spec, motion.fps),
                start_s=begin / FRAMES_PER_SECOND,
                utterance_s=speech.duration_s,
                speech_share=float(speaks[begin:end].mean()),
                phonemes=shifted(speech.phonemes, begin / FRAMES_PER_SECOND, (end - begin) / FRAMES_PER_SECOND),
            )
            for begin, end in pairwise(edges)
        ]


def _between(bounds: Sequence[float], rng: Generator) -> float:
    low, high = bounds
    return float(rng.uniform(low, high))
