"""A voice is not asked for more than is taken."""

import asyncio
from collections.abc import Generator

import numpy as np
import pytest
from numpy.typing import NDArray

from src.errors import DataError
from src.realtime.server.speech import Speech
from tests.realtime.server.bounds import limits


class Endless:
    """Speaks for ever, and tells when it was made to stop."""

    def __init__(self) -> None:
        self.num_pieces, self.stopped = 0, False

    def speak(self, text: str) -> Generator[tuple[NDArray[np.float32], int], None, None]:
        try:
            while True:
                self.num_pieces += 1
                yield np.zeros(16_000, np.float32), 16_000
        finally:
            self.stopped = True


def test_a_voice_that_does_not_end_is_ended() -> None:
    voice = Endless()
    with pytest.raises(DataError, match="The text takes more than 5 s to say"):
        asyncio.run(Speech(voice, limits(max_recording_s=5)).speak("on and on"))
    assert (voice.num_pieces, voice.stopped) == (6, True)


def test_a_voice_that_says_nothing_is_said() -> None:
    class Mute:
        def speak(self, text: str) -> Generator[tuple[NDArray[np.float32], int], None, None]:
            yield from ()

    with pytest.raises(DataError, match="There is nothing to say in that text"):
        asyncio.run(Speech(Mute(), limits()).speak("?"))
