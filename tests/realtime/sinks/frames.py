"""Frames for sinks, without an engine."""

import numpy as np

from src.realtime.frame import Frame, Layout

LAYOUT = Layout(width=64, height=64, fps=25.0, sample_rate_hz=16_000)
STEP = 640


def frame(
    index: int,
    *,
    deadline_s: float = 0.0,
    num_samples: int = STEP,
    turn: int = 0,
    audio: np.ndarray | None = None,
    level: int | None = None,
) -> Frame:
    """Slot `index` with a picture of one grey and, unless told otherwise, a tone."""
    if audio is None:
        audio = (0.3 * np.sin(np.arange(num_samples) / 8)).astype(np.float32)
    image = np.full((64, 64, 3), (40 + 5 * index) % 256 if level is None else level, np.uint8)
    return Frame(
        index=index,
        time_s=index / 25.0,
        image=image,
        audio=audio,
        held=False,
        filler=False,
        deadline_s=deadline_s,
        arrival_s=0.0,
        num_ended=0,
        turn=turn,
    )
