"""Between two threads nothing is lost that was to be kept, and nobody waits for ever."""

import threading

import numpy as np
import pytest

from src.realtime.sources.sound_queue import SoundQueue


def samples(first: int, num: int) -> np.ndarray:
    return np.arange(first, first + num, dtype=np.float32)


def test_what_was_put_is_taken_in_order_in_pieces_of_any_size() -> None:
    queue = SoundQueue(capacity=1000)
    for first, num in ((0, 7), (7, 1), (8, 30)):
        queue.put(samples(first, num))
    queue.finish()
    taken = []
    while (piece := queue.take(4, 0)) is not None:
        taken.append(piece.samples)
    assert {len(piece) for piece in taken[:-1]} == {4}
    np.testing.assert_array_equal(np.concatenate(taken), samples(0, 38))


def test_an_empty_queue_gives_nothing_and_a_finished_one_says_so() -> None:
    queue = SoundQueue(capacity=10)
    nothing = queue.take(4, 0)
    assert nothing is not None
    assert (len(nothing.samples), nothing.ends_segment, nothing.clears) == (0, False, False)
    queue.finish()
    assert queue.take(4, 0) is None


def test_a_failure_comes_after_the_sound_before_it() -> None:
    queue = SoundQueue(capacity=10)
    queue.put(samples(0, 3))
    queue.finish(RuntimeError("gone"))
    first = queue.take(4, 0)
    assert first is not None
    assert len(first.samples) == 3
    with pytest.raises(RuntimeError, match="gone"):
        queue.take(4, 0)


def test_the_end_of_a_sentence_comes_with_its_last_sound() -> None:
    queue = SoundQueue(capacity=100)
    queue.put(samples(0, 6))
    queue.end_segment()
    queue.put(samples(6, 2))
    taken = [queue.take(4, 0) for _ in range(3)]
    assert [(len(piece.samples), piece.ends_segment) for piece in taken if piece] == [(4, False), (2, True), (2, False)]


def test_clearing_forgets_what_waits_and_says_so_first() -> None:
    queue = SoundQueue(capacity=100)
    queue.put(samples(0, 50))
    queue.clear()
    queue.put(samples(50, 2))
    first, second = queue.take(4, 0), queue.take(4, 0)
    assert first is not None
    assert second is not None
    assert (first.clears, len(first.samples)) == (True, 0)
    assert (second.clears, list(second.samples)) == (False, [50, 51])


def test_a_full_queue_loses_the_oldest_when_offered_more_and_counts_it() -> None:
    queue = SoundQueue(capacity=10)
    for first in range(0, 20, 4):
        queue.offer(samples(first, 4))
    taken = queue.take(100, 0)
    assert taken is not None
    np.testing.assert_array_equal(taken.samples, samples(12, 8))
    assert queue.num_dropped == 12


def put_in_a_thread(queue: SoundQueue, turn: int | None = None) -> tuple[threading.Thread, list[bool]]:
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(queue.put(samples(10, 5), turn)))
    thread.start()
    return thread, results


def test_putting_into_a_full_queue_waits_for_room() -> None:
    queue = SoundQueue(capacity=10)
    queue.put(samples(0, 10))
    thread, results = put_in_a_thread(queue)
    taken = queue.take(10, 0)
    assert taken is not None
    np.testing.assert_array_equal(taken.samples, samples(0, 10))
    thread.join()
    rest = queue.take(10, 0)
    assert rest is not None
    assert (results, list(rest.samples)) == ([True], [10, 11, 12, 13, 14])


def test_whoever_waits_for_room_is_let_go_when_nobody_asks_any_more() -> None:
    queue = SoundQueue(capacity=10)
    queue.put(samples(0, 10))
    thread, results = put_in_a_thread(queue)
    queue.close()
    thread.join()
    assert results == [False]


def test_sound_that_waited_for_room_through_a_clearing_is_forgotten_too() -> None:
    queue = SoundQueue(capacity=10)
    queue.put(samples(0, 10), turn=0)
    thread, results = put_in_a_thread(queue, turn=0)
    queue.clear()
    thread.join()
    first, second = queue.take(10, 0), queue.take(10, 0)
    assert first is not None
    assert second is not None
    assert (first.clears, len(second.samples), results) == (True, 0, [False])
