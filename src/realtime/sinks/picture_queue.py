"""The pictures that wait for their time on a screen. Pure: every call is handed the time."""

from collections import deque
from collections.abc import Callable

from src.realtime.frame import Frame


class PictureQueue:
    """Frames in order of time. Full: the oldest goes and is counted.

    Args:
        capacity: frames.
    """

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._frames: deque[Frame] = deque()
        self.num_skipped = 0

    def __len__(self) -> int:
        return len(self._frames)

    def push(self, frame: Frame) -> None:
        """Append a frame; those of earlier turns are forgotten."""
        if self._frames and self._frames[-1].turn != frame.turn:
            self._frames.clear()
        self._frames.append(frame)
        if len(self._frames) > self._capacity:
            self._frames.popleft()
            self.num_skipped += 1

    def next(self) -> Frame | None:
        """The oldest frame that waits."""
        return self._frames[0] if self._frames else None

    def take_due(self, now_s: float, due_s: Callable[[Frame], float]) -> Frame | None:
        """The newest frame whose time has come; older ones are skipped and counted. None when none is due."""
        taken: Frame | None = None
        while self._frames and due_s(self._frames[0]) <= now_s:
            self.num_skipped += taken is not None
            taken = self._frames.popleft()
        return taken

    def flush(self) -> None:
        """Forget all."""
        self._frames.clear()
