"""Packets leave in order, when they are due, and never pile up."""

import asyncio
import time

import pytest
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet

from src.realtime.server.tracks import MOST_PACKETS, PacedTrack


def test_packets_leave_in_order_and_not_before_their_time() -> None:
    async def run() -> tuple[list[int], float]:
        track, due_s = PacedTrack("audio"), time.monotonic() + 0.05
        track.put(Packet(b"1"), 0.0)
        track.put(Packet(b"22"), due_s)
        sizes = [(await track.recv()).size for _ in range(2)]
        assert (track.num_sent, track.num_bytes) == (2, 3)
        return sizes, time.monotonic() - due_s

    sizes, late_s = asyncio.run(run())
    assert sizes == [1, 2]
    assert late_s >= -1e-3


def test_a_track_that_nobody_reads_keeps_little_and_says_so() -> None:
    track = PacedTrack("video")
    assert all(track.put(Packet(b"1"), 0.0) for _ in range(MOST_PACKETS))
    assert track.put(Packet(b"1"), 0.0) is False
    assert track.num_dropped == MOST_PACKETS


def test_a_stopped_track_ends_who_waits() -> None:
    async def run() -> None:
        track = PacedTrack("audio")
        waiting = asyncio.create_task(track.recv())
        await asyncio.sleep(0)
        track.stop()
        with pytest.raises(MediaStreamError):
            await waiting

    asyncio.run(run())
