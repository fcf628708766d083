"""The audio position alone decides which frame is shown."""

import pytest

from src.realtime.scheduler import Action, FrameScheduler

ALL = 10**9


def test_ticks_at_the_frame_times_show_every_frame_once() -> None:
    scheduler = FrameScheduler(fps=25.0)
    shown = [scheduler.decide(i / 25.0, ALL) for i in range(90_000)]  # an hour: no drift of 0.04 added up
    assert [decision.index for decision in shown] == list(range(90_000))
    assert {decision.action for decision in shown} == {Action.SHOW}
    assert scheduler.num_dropped == scheduler.num_repeated == 0


def test_before_the_sound_starts_and_between_frames_it_waits() -> None:
    scheduler = FrameScheduler(fps=25.0)
    assert scheduler.decide(-0.1, ALL).action is Action.WAIT
    assert scheduler.decide(0.0, ALL).index == 0
    assert scheduler.decide(0.0399, ALL).action is Action.WAIT
    assert scheduler.next_s == 0.04


@pytest.mark.parametrize(("late_s", "dropped"), [(0.039, 0), (0.041, 1), (0.3, 7)])
def test_coming_late_drops_the_frames_in_between_and_shows_the_newest(late_s: float, dropped: int) -> None:
    scheduler = FrameScheduler(fps=25.0)
    decision = scheduler.decide(late_s, ALL)
    assert (decision.action, decision.index, decision.num_dropped) == (Action.SHOW, dropped, dropped)
    assert scheduler.num_dropped == dropped
    assert scheduler.next_index == dropped + 1


def test_a_due_frame_without_motion_is_a_counted_repeat() -> None:
    scheduler = FrameScheduler(fps=25.0)
    assert scheduler.decide(0.0, 1).action is Action.SHOW
    assert scheduler.decide(0.04, 1).action is Action.REPEAT
    assert scheduler.decide(0.08, 3).action is Action.SHOW
    assert (scheduler.num_shown, scheduler.num_repeated, scheduler.num_dropped) == (3, 1, 0)


def test_a_position_that_goes_back_never_shows_a_frame_twice() -> None:
    scheduler = FrameScheduler(fps=25.0)
    assert scheduler.decide(1.0, ALL).index == 25
    assert scheduler.decide(0.5, ALL).action is Action.WAIT
    assert scheduler.decide(1.04, ALL).index == 26
