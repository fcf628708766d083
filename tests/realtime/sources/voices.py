"""Voices of tests."""

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from src.errors import DataError
from src.realtime.tts import Spoken


@dataclass
class CountingVoice:
    """Speaks 0.05 s a letter at 8 kHz in two pieces; fails at the word `fail`."""

    said: list[str] = field(default_factory=list)

    def speak(self, text: str) -> Generator[Spoken, None, None]:
        if "fail" in text:
            raise DataError(f"says nothing for {text}")
        self.said.append(text)
        samples = np.full(400 * len(text), 0.25, np.float32)
        yield samples[:300], 8000
        yield samples[300:], 8000
