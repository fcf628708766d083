"""Somebody who interrupts is seen before what waits in front of him has had its turn."""

from collections.abc import Iterator

import numpy as np

from src.realtime.coming import Coming
from src.realtime.frame import Chunk


def chunks(*times: float | None, clears_at: float | None = None) -> Iterator[Chunk]:
    for at_s in times:
        yield Chunk(np.zeros(160, np.float32), at_s, clears=at_s is not None and at_s == clears_at)


def test_chunks_come_in_order_whether_one_looked_or_not() -> None:
    coming = Coming(chunks(0.0, 0.1, 0.2, 0.3))
    seen = []
    for chunk in coming:
        assert not coming.interrupts_by(0.15)
        seen.append(chunk.at_s)
    assert seen == [0.0, 0.1, 0.2, 0.3]


def test_an_interruption_counts_from_its_time_on_and_what_was_before_it_is_forgotten() -> None:
    coming = Coming(chunks(0.0, 0.1, 0.2, 0.3, 0.4, clears_at=0.3))
    iterator = iter(coming)
    assert next(iterator).at_s == 0.0
    assert not coming.interrupts_by(0.29)
    assert coming.interrupts_by(0.3)
    assert [chunk.at_s for chunk in iterator] == [0.3, 0.4]


def test_what_a_live_source_will_say_is_not_waited_for() -> None:
    def live() -> Iterator[Chunk]:
        yield Chunk(np.zeros(160, np.float32), None)
        yield Chunk(np.zeros(160, np.float32), None)
        raise AssertionError("a look must not wait for what was not said yet")

    coming = Coming(live())
    next(iter(coming))
    assert not coming.interrupts_by(10.0)
