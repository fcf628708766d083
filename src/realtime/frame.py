"""What travels through the engine: pieces of sound in, pictures with their sound and their time out.

The *timeline* of a session is slots of one frame each, strictly continuous from its start: slot n is presented at
n / fps seconds of the timeline, whether somebody speaks in it or not. A source gives `Chunk`s, a session turns them
into `Frame`s of the timeline, a sink presents those.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Chunk:
    """A piece of sound as it arrives.

    Attributes:
        samples: (s,) mono in [-1, 1] at the source's rate; may be empty.
        at_s: seconds after the start of the run at which it arrives, for what is recorded or written down; None for
            what comes now, as from a microphone.
        ends_segment: after these samples the sentence is over.
        clears: a barge-in: all that came before this chunk and was not presented is forgotten.
    """

    samples: NDArray[np.float32]
    at_s: float | None
    ends_segment: bool = False
    clears: bool = False


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of the timeline, with the sound that belongs to it.

    Attributes:
        index: slot of the timeline; more than one above the last where pictures were dropped.
        time_s: index / fps.
        image: (H, W, 3) uint8 RGB.
        audio: (S,) the samples from the end of the last frame's sound to the end of this frame, so that all frames
            together hold every sample of the timeline once, whatever was dropped.
        held: its sound was there but not its motion, and the last motion is shown again.
        filler: nobody speaks in this slot, or the sound came too late for it: silence.
        deadline_s: when picture and sound are to be presented, on the caller's clock.
        arrival_s: when the sound at the start of the slot arrived, on the caller's clock; None for a filler.
        num_ended: how many segments' last sound is in `audio`, or came out before their end was known.
        turn: how often the session was cleared before. A sink forgets what it has not presented of earlier turns.
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]
    audio: NDArray[np.float32]
    held: bool
    filler: bool
    deadline_s: float
    arrival_s: float | None
    num_ended: int
    turn: int


@dataclass(frozen=True)
class Layout:
    """What a sink must be ready for: picture size in pixels, frame rate, sample rate."""

    width: int
    height: int
    fps: float
    sample_rate_hz: int


class Source(Protocol):
    """Sound in chunks."""

    @property
    def sample_rate_hz(self) -> int:
        """Of all chunks; any."""
        ...

    @property
    def chunk_samples(self) -> int:
        """Size of the largest chunk; its length is part of the latency."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """From the start to the end. A live source yields something, if only silence of no length, every 0.1 s."""
        ...


class Output(Protocol):
    """An open sink."""

    def show(self, frame: Frame) -> bool:
        """Take the next frame; False when the viewer left. With a screen or speakers: present at its deadline."""
        ...

    def flush(self) -> None:
        """Forget what was not presented yet."""
        ...

    def played_s(self) -> float | None:
        """Which second of the timeline is heard now; None without a clock of its own, as in files."""
        ...


class Sink(Protocol):
    """A file, a window, a device."""

    def open(self, layout: Layout) -> AbstractContextManager[Output]:
        """Make ready for a stream. Leaving by an exception leaves nothing half-written.

        Raises:
            StreamError, RenderError: it can't be opened; the message says why and what to do.
        """
        ...
