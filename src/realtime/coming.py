"""What a written source has still to give, and whether somebody interrupts in it."""

from collections import deque
from collections.abc import Iterator

from src.realtime.frame import Chunk


class Coming:
    """The chunks that a source has still to give, in order, and a look at whether one of them interrupts."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._seen: deque[Chunk] = deque()

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            chunk = self._seen.popleft() if self._seen else next(self._chunks, None)
            if chunk is None:
                return
            yield chunk

    def interrupts_by(self, time_s: float) -> bool:
        """Somebody interrupts at `time_s` of the run or before. What comes before that chunk is then forgotten."""
        while len(self._seen) < _MOST_SEEN and not (self._seen and _comes_after(self._seen[-1], time_s)):
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._seen.append(chunk)
        number = next((number for number, chunk in enumerate(self._seen) if chunk.clears), None)
        if number is None or _comes_after(self._seen[number], time_s):
            return False
        for _ in range(number):
            self._seen.popleft()
        return True


def _comes_after(chunk: Chunk, time_s: float) -> bool:
    return chunk.at_s is None or chunk.at_s > time_s


_MOST_SEEN = 1000
"""Chunks that are looked at beforehand: 10 s of small ones, which is more than waits."""
