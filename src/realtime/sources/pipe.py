"""Reading from a pipe without being held by one that is silent."""

import os
import select
from collections.abc import Callable, Iterator

LOOK_S = 0.1
"""How often a silent pipe is left to see whether anybody still listens."""

CAN_STOP = os.name == "posix"
"""Elsewhere pipes can't be asked whether they hold something: the thread of a silent one ends with the pipe."""


def piped(descriptor: int, most: int, is_over: Callable[[], bool]) -> Iterator[bytes]:
    """What comes through a pipe, in pieces of at most `most` bytes, until it ends or `is_over`."""
    while not is_over():
        if CAN_STOP and not select.select([descriptor], [], [], LOOK_S)[0]:
            continue
        if not (content := os.read(descriptor, most)):
            return
        yield content
