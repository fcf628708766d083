"""Sessions of one animator share what is loaded and take turns in drawing."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from src.realtime.animator import Animator
from src.realtime.core import Draw, SessionCore
from src.realtime.spoken import Predictor
from tests.realtime.fakes import LAYOUT, Follower, jaw_picture, make_core


def test_one_thread_at_a_time_draws() -> None:
    inside, most = [0], [0]

    def draw(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        for _ in range(20):
            time.sleep(0)  # lets any other thread come in
        inside[0] -= 1
        return jaw_picture(values)

    def core(predictor: Predictor, draw: Draw, seed: int) -> SessionCore:
        return make_core(Follower(), draw)

    animator = Animator(Follower(), draw, LAYOUT, core)
    neutral = animator.predictor.spec.neutral
    threads = [threading.Thread(target=lambda: [animator.draw(neutral) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
