"""The pace of a renderer is that of its quickest picture, and measuring ends in time."""

import numpy as np
import pytest

from src.realtime.pace import drawn_per_second


class Machine:
    """Draws pictures that take so many seconds each."""

    def __init__(self, *seconds: float) -> None:
        self.now_s, self.seconds, self.drawn = 0.0, list(seconds), 0

    def clock(self) -> float:
        return self.now_s

    def draw(self, frame: np.ndarray) -> None:
        self.now_s += self.seconds[self.drawn]
        self.drawn += 1

    def pace(self) -> float:
        frames = [np.zeros(7, np.float32)] * len(self.seconds)
        return drawn_per_second(self.draw, frames, 2.0, self.clock)


def test_a_busy_moment_does_not_count() -> None:
    assert Machine(0.02, 0.5, 0.02).pace() == pytest.approx(50)


def test_a_slow_machine_is_not_waited_for() -> None:
    machine = Machine(5, 5, 5)
    assert machine.pace() == pytest.approx(0.2)
    assert machine.drawn == 1
