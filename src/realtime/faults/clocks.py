"""The clock on which a fault passes: one that is told, as of a virtual run, or the real one."""

import time
from typing import Protocol


class Clock(Protocol):
    """The time of a run; `replay.VirtualClock` is one."""

    def now_s(self) -> float:
        """Seconds; never goes back."""
        ...

    def wait_until(self, time_s: float) -> None:
        """Go on to a time; a time that has passed is no wait."""
        ...


class WallClock:
    """Real time: who waits on it really waits."""

    def now_s(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def wait_until(self, time_s: float) -> None:
        """Sleep until a time."""
        time.sleep(max(time_s - time.monotonic(), 0.0))
