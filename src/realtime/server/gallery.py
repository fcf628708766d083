"""The avatars that a page offers, prepared when somebody first asks for one."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from src.realtime.frame import Layout

THUMBNAIL_PX = 384
JPEG_QUALITY = 85


class Face(Protocol):
    """What is needed of `src.realtime.animator.Animator`: shared by all sessions with this avatar."""

    @property
    def layout(self) -> Layout:
        """Of the frames of its sessions."""
        ...

    def session(self) -> Any:
        """A new session; see `Speaker`."""
        ...


@dataclass(frozen=True)
class Entry:
    """One avatar to choose.

    Attributes:
        key: in addresses; letters, digits, - and _.
        name: for people.
        thumbnail: a JPEG picture.
        prepare: loads model, renderer and avatar; takes seconds.
    """

    key: str
    name: str
    thumbnail: bytes
    prepare: Callable[[], Face]


class Gallery:
    """All avatars by key; the `max_loaded` last used stay prepared. For several threads at once."""

    def __init__(self, entries: Sequence[Entry], *, max_loaded: int) -> None:
        self.entries = {entry.key: entry for entry in entries}
        self._max_loaded = max_loaded
        self._loaded: OrderedDict[str, Face] = OrderedDict()
        self._lock = threading.Lock()

    def face(self, key: str) -> Face:
        """The prepared avatar; the first time this takes as long as `Entry.prepare`.

        Raises:
            KeyError: no such avatar.
        """
        entry = self.entries[key]
        with self._lock:  # one at a time: preparing fills the cores anyway, and twice the same would be a waste
            if key not in self._loaded:
                self._loaded[key] = entry.prepare()
            self._loaded.move_to_end(key)
            while len(self._loaded) > self._max_loaded:
                self._loaded.popitem(last=False)
            return self._loaded[key]


def thumbnail(image: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) RGB as a JPEG of `THUMBNAIL_PX`."""
    small = cv2.resize(image, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return jpeg.tobytes()
