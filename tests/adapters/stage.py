"""What the adapters' tests need: a face whose picture says how loud the sound is, and sound that is easy to find."""

import numpy as np
from numpy.typing import NDArray

from src.realtime.core import Draw
from src.realtime.frame import Layout
from src.realtime.session import Session
from tests.realtime.fakes import FPS, RATE, STEP, make_core

SIDE = 32


def loudness_picture(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Black for silence, white for samples of 0.5."""
    return np.full((SIDE, SIDE, 3), np.clip(np.round(values[0] * 510), 0, 255), np.uint8)


def make_session(draw: Draw = loudness_picture, **times: float) -> Session:
    """A session on the wall clock; its face opens the mouth by the sample at the time of a picture."""
    return Session(make_core(draw=draw, **times), Layout(SIDE, SIDE, FPS, RATE))


def steps(*levels: float, rate: int = RATE) -> NDArray[np.int16]:
    """(S,) sound of one frame for each level, in one piece."""
    return np.repeat(np.round(np.array(levels) * 32767).astype(np.int16), STEP * rate // RATE)
