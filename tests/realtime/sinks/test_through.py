"""A sink before another one leaves all but the frames to it."""

from dataclasses import replace

from src.realtime.frame import Frame, Output
from src.realtime.sinks.through import ShownThrough, seen_by
from tests.realtime.fakes import LAYOUT, ListSink
from tests.realtime.sinks.frames import frame


def test_frames_are_shown_in_another_way_and_the_rest_is_passed_on() -> None:
    inner = ListSink(position=lambda: 1.5)

    def later(output: Output, shown: Frame) -> bool:
        return output.show(replace(shown, index=shown.index + 10)) and False

    with ShownThrough(inner, later).open(LAYOUT) as output:
        assert not output.show(frame(3))
        output.flush()
        assert output.played_s() == 1.5
    assert [shown.index for shown in inner.frames] == [13]
    assert (inner.num_flushed, inner.outcome) == (1, "complete")


def test_whoever_is_told_sees_each_frame_before_it_is_shown() -> None:
    seen: list[tuple[int, int]] = []
    inner = ListSink()
    with seen_by(lambda shown: seen.append((shown.index, len(inner.frames))), inner).open(LAYOUT) as output:
        assert output.show(frame(0))
        assert output.show(frame(1))
    assert seen == [(0, 0), (1, 1)]
