"""The time of a run: one that is told, or the real one."""

import time
from typing import Protocol


class Clock(Protocol):
    """The time of a run."""

    def now_s(self) -> float:
        """Seconds; never goes back."""
        ...

    def wait_until(self, time_s: float) -> None:
        """Go on to a time; a time that has passed is no wait."""
        ...


class VirtualClock:
    """Time that passes only when somebody waits, or says so with `pass_by`."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        """Seconds since the clock was made."""
        return self._now_s

    def wait_until(self, time_s: float) -> None:
        """Go on to a time; a time that has passed is no wait."""
        self._now_s = max(self._now_s, time_s)

    def pass_by(self, seconds: float) -> None:
        """Let time pass, as work that takes so long would."""
        self._now_s += seconds


class WallClock:
    """Real time: who waits on it really waits."""

    def now_s(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def wait_until(self, time_s: float) -> None:
        """Sleep until a time."""
        time.sleep(max(time_s - time.monotonic(), 0.0))
