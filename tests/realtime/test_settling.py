"""A face that never jumps, and a mouth that closes in time."""

import numpy as np
from numpy.typing import NDArray

from src.motion import ARKIT55, CORE7
from src.realtime.settling import Settling, SettlingTimes

TIMES = SettlingTimes(hold=5, starve=5, rest=3, begin=1, head=10)
JAW, YAW = CORE7.index("jaw_open"), CORE7.index("head_yaw")


def talking(jaw: float = 0.3, yaw: float = 10.0) -> NDArray[np.float32]:
    values = CORE7.neutral
    values[[JAW, YAW]] = jaw, yaw
    return values


def test_speech_is_shown_as_the_model_says() -> None:
    face = Settling(CORE7, TIMES)
    for jaw in (0.1, 0.3, 0.2):
        np.testing.assert_array_equal(face.speak(talking(jaw)), talking(jaw))


def test_after_a_segment_the_mouth_closes_in_its_time_and_the_head_comes_back_slower() -> None:
    face = Settling(CORE7, TIMES)
    face.speak(talking())
    ways = np.array([face.rest() for _ in range(12)])
    assert (ways[:2, JAW] > 0).all()
    assert ways[2, JAW] == 0.0
    assert ways[8, YAW] > 0.0
    assert ways[9, YAW] == 0.0
    assert (np.diff(ways, axis=0) <= 0).all()


def test_late_speech_is_held_and_then_closed() -> None:
    face = Settling(CORE7, TIMES)
    face.speak(talking())
    ways = np.array([face.starve() for _ in range(11)])
    np.testing.assert_array_equal(ways[:5], [talking()] * 5)
    assert (ways[5:9, JAW] > 0).all()
    assert ways[9, JAW] == 0.0


def test_speech_that_comes_back_while_it_was_held_goes_on_as_it_is() -> None:
    face = Settling(CORE7, TIMES)
    face.speak(talking())
    face.starve()
    np.testing.assert_array_equal(face.speak(talking(0.2))[JAW], np.float32(0.2))


def test_after_an_interruption_the_mouth_is_closed_at_once_and_the_head_does_not_jump() -> None:
    face = Settling(CORE7, TIMES)
    face.speak(talking())
    face.cut()
    ways = np.array([face.rest() for _ in range(10)])
    assert not ways[:, JAW].any()
    assert 9.0 < ways[0, YAW] < 10.0
    assert ways[9, YAW] == 0.0


def test_speech_that_begins_leads_the_head_from_where_it_was() -> None:
    face = Settling(CORE7, TIMES)
    for _ in range(3):
        face.rest()
    yaws = [face.speak(talking(0.3, 10.0))[YAW] for _ in range(12)]
    assert yaws[0] < 1.0
    assert yaws[-1] == 10.0
    assert max(np.diff(yaws)) < 2.0


def test_the_richer_vocabulary_settles_alike() -> None:
    face = Settling(ARKIT55, TIMES)
    values = ARKIT55.neutral
    jaw, brow = ARKIT55.index("jawOpen"), ARKIT55.index("browInnerUp")
    values[[jaw, brow]] = 0.8, 0.5
    face.speak(values)
    face.cut()
    shown = face.rest()
    assert shown[jaw] == 0.0
    assert shown[brow] > 0.4
