"""Standard input that a test writes into."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass
class Pipe:
    """Write bytes, then end."""

    descriptor: int
    is_open: bool = True

    def write(self, content: bytes) -> None:
        os.write(self.descriptor, content)

    def end(self) -> None:
        if self.is_open:
            os.close(self.descriptor)
            self.is_open = False


@contextmanager
def piped_stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    """`sys.stdin` is the end of a pipe while the block lasts."""
    reading, writing = os.pipe()
    pipe = Pipe(writing)
    with os.fdopen(reading, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        try:
            yield pipe
        finally:
            pipe.end()
