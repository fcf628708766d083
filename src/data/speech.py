"""Speech with known phoneme times, from espeak-ng.

The library comes with the optional package `espeakng-loader` and runs in a process of its own
(`src.data.espeak_process` says why), so the same arguments give the same samples in any order of
calls, from any thread and in any process of one platform.

Waveforms are (S,) float32 mono in [-1, 1] at 16 kHz; times are seconds of the waveform.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from src.data import espeak_process
from src.data.audio import save_wav
from src.errors import DataError

SAMPLE_RATE_HZ = 16_000
RATE_WPM = (80, 450)
PITCH = (0, 99)
"""What espeak-ng accepts; it clips silently beyond."""

PAUSE = "_"
"""Symbol of silence within and around speech."""

STRESS_MARKS = "ˈˌ"
INSTALL = 'Install it with `pip install "audio2motion[speech]"`.'


@dataclass(frozen=True)
class Phoneme:
    """One speech sound, `[start_s, end_s)` of the waveform; `stressed` if it heads a stressed syllable."""

    symbol: str
    start_s: float
    end_s: float
    stressed: bool

    @property
    def duration_s(self) -> float:
        """Seconds from start to end."""
        return self.end_s - self.start_s


@dataclass(frozen=True, eq=False)
class Speech:
    """A spoken text.

    Attributes:
        waveform: (S,) float32 mono in [-1, 1].
        sample_rate_hz: samples per second.
        phonemes: in order, without gaps, from 0 to the end of the waveform. Symbols are IPA without
            stress marks, at most 8 bytes of UTF-8; silence is `PAUSE`.
    """

    waveform: NDArray[np.float32]
    sample_rate_hz: int
    phonemes: tuple[Phoneme, ...]

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return len(self.waveform) / self.sample_rate_hz

    def padded(self, before_s: float, after_s: float) -> "Speech":
        """The same speech with digital silence around it, rounded to whole samples."""
        before, after = (round(seconds * self.sample_rate_hz) for seconds in (before_s, after_s))
        shift_s, end_s = before / self.sample_rate_hz, (before + len(self.waveform)) / self.sample_rate_hz
        starts = [(0.0, PAUSE, False)]
        starts += [(phoneme.start_s + shift_s, phoneme.symbol, phoneme.stressed) for phoneme in self.phonemes]
        starts += [(end_s, PAUSE, False)]
        phonemes = _phonemes(starts, end_s + after / self.sample_rate_hz)
        return Speech(np.pad(self.waveform, (before, after)), self.sample_rate_hz, phonemes)

    def scaled(self, peak: float) -> "Speech":
        """The same speech with its largest sample at `peak`, above 0 and up to 1."""
        loudest = float(np.abs(self.waveform).max())
        return Speech((self.waveform * (peak / loudest)).astype(np.float32), self.sample_rate_hz, self.phonemes)

    def save_wav(self, path: Path | str) -> None:
        """Write a 16-bit mono wav, atomically."""
        save_wav(path, self.waveform, self.sample_rate_hz)


class EspeakSynthesizer:
    """Text to `Speech`.

    Raises:
        DataError: the package `espeakng-loader` is not installed.
    """

    def __init__(self) -> None:
        loader = _loader()
        self._library = str(loader.get_library_path())
        self._data = str(loader.get_data_path())

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """Timbres that can be put on any voice, such as `f2` or `m3`."""
        return tuple(sorted(path.name for path in Path(self._data, "voices", "!v").iterdir()))

    def speak(self, text: str, *, voice: str, variant: str, rate_wpm: int, pitch: int) -> Speech:
        """Speak a text.

        Args:
            text: what to say, in the language of the voice. Punctuation makes pauses.
            voice: a language or accent of espeak-ng, such as `en-us`, `de` or `es-419`.
            variant: one of `variants`, or the empty string for the voice's own timbre.
            rate_wpm: words per minute, 80 .. 450.
            pitch: 0 .. 99; the voice's own is 50.

        Raises:
            DataError: an argument is out of range, the voice or variant is unknown, or nothing was spoken.
        """
        self._check(text, variant, rate_wpm, pitch)
        request = {
            "library": self._library,
            "data": self._data,
            "voice": f"{voice}+{variant}" if variant else voice,
            "rate_wpm": rate_wpm,
            "pitch": pitch,
            "text": text,
        }
        command = [sys.executable, "-I", "-S", espeak_process.__file__]
        done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, check=False)
        if done.returncode != 0:
            reason = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
            raise DataError(
                f"{reason}. Choose the name of a file in {Path(self._data, 'lang')} as voice, such as en-us, es or de."
            )
        head, _, pcm = done.stdout.partition(b"\n")
        described = json.loads(head)
        samples = np.frombuffer(pcm, np.int16)
        if not samples.any():
            raise DataError(f"voice {voice!r} says nothing for {text!r}. Give it words to speak.")
        rate_hz = int(described["sample_rate_hz"])
        waveform = resample_poly(samples / 32768.0, SAMPLE_RATE_HZ, rate_hz)
        phonemes = _phonemes(_starts(described["events"], rate_hz), len(waveform) / SAMPLE_RATE_HZ)
        return Speech(np.clip(waveform, -1, 1).astype(np.float32), SAMPLE_RATE_HZ, phonemes)

    def _check(self, text: str, variant: str, rate_wpm: int, pitch: int) -> None:
        if not text.strip():
            raise DataError("the text to speak is empty. Give it words to speak.")
        if variant and variant not in self.variants:
            raise DataError(f"espeak-ng has no variant {variant!r}. It has: {', '.join(self.variants)}.")
        for name, value, (low, high) in (("rate_wpm", rate_wpm, RATE_WPM), ("pitch", pitch, PITCH)):
            if not low <= value <= high:
                raise DataError(f"{name} {value} is outside {low} .. {high}. Correct the voice's settings.")


def _loader() -> ModuleType:
    try:
        import espeakng_loader
    except ImportError as error:
        raise DataError(f"the speech library espeak-ng is missing ({error}). {INSTALL}") from error
    return espeakng_loader


def _starts(events: list[tuple[int, str]], sample_rate_hz: int) -> list[tuple[float, str, bool]]:
    """Start in seconds, symbol without its stress mark, stressed or not."""
    starts = [(0.0, PAUSE, False)]
    for sample, text in events:
        # A word of another language is bracketed by marks such as "(en)", which take no time.
        if not text.startswith("("):
            starts.append(
                (sample / sample_rate_hz, text.lstrip(STRESS_MARKS) or PAUSE, text[:1] in tuple(STRESS_MARKS))
            )
    return starts


def _phonemes(starts: list[tuple[float, str, bool]], end_s: float) -> tuple[Phoneme, ...]:
    """Intervals from one start to the next; empty ones vanish and neighbouring pauses become one."""
    ends = [start_s for start_s, _, _ in starts[1:]] + [end_s]
    phonemes: list[Phoneme] = []
    for (start_s, symbol, stressed), stop_s in zip(starts, ends, strict=True):
        if stop_s <= start_s:
            continue
        if symbol == PAUSE and phonemes and phonemes[-1].symbol == PAUSE:
            phonemes[-1] = replace(phonemes[-1], end_s=stop_s)
        else:
            phonemes.append(Phoneme(symbol, start_s, stop_s, stressed))
    return tuple(phonemes)
