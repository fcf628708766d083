"""Pictures wait for their time, in order, and old ones give way."""

from src.realtime.frame import Frame
from src.realtime.sinks.picture_queue import PictureQueue
from tests.realtime.sinks.frames import frame


def due_s(frame: Frame) -> float:
    return frame.deadline_s


def test_a_picture_is_taken_when_it_is_due_and_not_before() -> None:
    pictures = PictureQueue(capacity=5)
    assert pictures.next() is None
    pictures.push(frame(0, deadline_s=1.0))
    assert pictures.take_due(0.99, due_s) is None
    taken = pictures.take_due(1.0, due_s)
    assert taken is not None
    assert (taken.index, len(pictures), pictures.num_skipped) == (0, 0, 0)


def test_of_several_due_pictures_the_newest_is_shown_and_the_others_are_counted() -> None:
    pictures = PictureQueue(capacity=5)
    for index in range(4):
        pictures.push(frame(index, deadline_s=1.0 + index / 25))
    taken = pictures.take_due(1.09, due_s)
    assert taken is not None
    assert (taken.index, len(pictures), pictures.num_skipped) == (2, 1, 2)


def test_a_full_queue_loses_the_oldest_and_counts_it() -> None:
    pictures = PictureQueue(capacity=2)
    for index in range(3):
        pictures.push(frame(index))
    head = pictures.next()
    assert head is not None
    assert (head.index, pictures.num_skipped) == (1, 1)


def test_pictures_of_an_earlier_turn_are_forgotten() -> None:
    pictures = PictureQueue(capacity=5)
    for index in range(3):
        pictures.push(frame(index))
    pictures.push(frame(3, turn=1))
    assert (len(pictures), pictures.num_skipped) == (1, 0)
    pictures.flush()
    assert len(pictures) == 0
