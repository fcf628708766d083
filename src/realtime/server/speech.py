"""Texts into sound, for the page: in a thread, one after another, within limits."""

import asyncio
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from src.errors import DataError
from src.realtime.server.limits import Limits
from src.realtime.tts import Voice


class Speech:
    """The voice of a server.

    Args (of the constructor):
        voice: says one text at a time; further ones wait.
        limits: of a text.
    """

    def __init__(self, voice: Voice, limits: Limits) -> None:
        self._voice, self._limits = voice, limits
        self._free = asyncio.Lock()

    async def speak(self, text: str) -> tuple[NDArray[np.float32], int]:
        """(s,) mono samples of a text in [-1, 1] and their rate in Hz.

        Raises:
            DataError: too long or empty.
            DataError, StreamError: it can't be spoken.
        """
        most = self._limits.max_text_chars
        if len(text) > most:
            raise DataError(f"The text has {len(text)} characters; {most} are taken at once. Shorten it.")
        if not text.strip():
            raise DataError("There is no text to say. Type something.")
        async with self._free:
            return await asyncio.to_thread(self._all_of, text)

    def _all_of(self, text: str) -> tuple[NDArray[np.float32], int]:
        pieces: list[NDArray[np.float32]] = []
        seconds, rate_hz, longest_s = 0.0, 0, self._limits.max_recording_s
        with closing(self._voice.speak(text)) as spoken:
            for samples, rate_hz in spoken:
                seconds += len(samples) / rate_hz
                if seconds > longest_s:
                    raise DataError(f"The text takes more than {longest_s:g} s to say. Shorten it.")
                pieces.append(samples)
        if not pieces:
            raise DataError("There is nothing to say in that text. Type words.")
        return np.concatenate(pieces), rate_hz
