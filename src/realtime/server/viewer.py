"""What a live session needs of the way to its viewer."""

from dataclasses import dataclass
from typing import Protocol

from src.realtime.frame import Frame


@dataclass(frozen=True)
class Sent:
    """What left for the viewer so far.

    Attributes:
        pictures: encoded and handed to the network.
        dropped: pictures that were not, because the encoder or the viewer was too slow.
        bytes: of sound and pictures.
    """

    pictures: int
    dropped: int
    bytes: int


class Viewer(Protocol):
    """A connection that takes frames: `Peer` or `SocketViewer`."""

    def put(self, frame: Frame) -> None:
        """Take the next frame; never waits."""
        ...

    def flush(self) -> None:
        """Barge-in: forget what was not presented yet."""
        ...

    def sent(self) -> Sent:
        """Counts since the start of the connection."""
        ...

    async def close(self) -> None:
        """End the connection and all that belongs to it."""
        ...
