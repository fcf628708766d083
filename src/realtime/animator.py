"""One model, one avatar and one renderer, ready to speak: what all sessions of them share.

Weights, textures and settings are loaded once and never written to, so any number of sessions may run on them, each
with a timeline, a model state and an idle layer of its own. `scripts.live` makes one from a configuration.

They draw one after the other. A picture is hundreds of short calls, each of which lets go of Python's lock; threads
that draw at the same time spend more on handing it round than on drawing. Four sessions of 256 x 256 on two cores:
100 % of the deadlines are met with 45 % of the processor, drawing at the same time 6 % with 81 %.
"""

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.realtime.core import Draw, SessionCore
from src.realtime.frame import Layout
from src.realtime.pace import drawn_per_second
from src.realtime.session import Session
from src.realtime.spoken import Predictor

PACE_FRAMES, PACE_PATIENCE_S = 5, 2.0
"""Pictures that are drawn to see whether the renderer keeps up, and how long that may take."""


_TURN = threading.RLock()
"""One for all avatars of the process; may be taken again by who has it, where a way to draw is wrapped twice."""


@dataclass(frozen=True, eq=False)
class Animator:
    """Makes sessions.

    Attributes:
        predictor: the model.
        draw: the renderer with its avatar; wrapped, so that one thread at a time is in it.
        layout: of pictures and sound.
        make_core: a new core of a predictor, a way to draw, and a seed of blinks and head movement.
    """

    predictor: Predictor
    draw: Draw
    layout: Layout
    make_core: Callable[[Predictor, Draw, int], SessionCore]

    def __post_init__(self) -> None:
        draw = self.draw

        def draw_alone(values: NDArray[np.float32]) -> NDArray[np.uint8]:
            with _TURN:
                return draw(values)

        object.__setattr__(self, "draw", draw_alone)

    def core(self, seed: int = 0) -> SessionCore:
        """A new session without a clock, for an engine or a test. The same seed gives the same idle movement."""
        return self.make_core(self.predictor, self.draw, seed)

    def session(self, seed: int = 0, clock: Callable[[], float] = time.monotonic) -> Session:
        """A new session on a clock, for a program."""
        return Session(self.core(seed), self.layout, clock)

    def warm_up(self) -> None:
        """Compute one second and one picture, so that no first call of a library falls into a stream."""
        stream = self.predictor.stream()
        stream.push(np.zeros(self.predictor.sample_rate_hz, np.float32))
        stream.finish()
        self.draw(self.predictor.spec.neutral)
        # A full collection looks through 330,000 objects of the libraries, for 0.17 s or four pictures. From now on it
        # leaves out whatever is there already.
        gc.collect()
        gc.freeze()

    def drawn_per_second(self) -> float:
        """Pictures that this machine draws in a second; `warm_up` first."""
        return drawn_per_second(self.draw, [self.predictor.spec.neutral] * PACE_FRAMES, PACE_PATIENCE_S)
