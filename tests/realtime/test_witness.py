"""A witness changes nothing of a stream, and its hash tells two streams apart."""

from pathlib import Path

import numpy as np
import pytest

from src.errors import ConfigError
from src.realtime.clock import VirtualClock
from src.realtime.frame import Chunk
from src.realtime.interrupted import Interrupted
from src.realtime.replay import VirtualEngine
from src.realtime.statistics import LatencyHistogram
from src.realtime.witness import KEEP_EVERY, MOST_KEPT, Witness
from tests.realtime.fakes import LAYOUT, ListSink, ListSource, ScriptSource, make_core, ramp


def watched(folder: Path, source: object = None) -> tuple[Witness, ListSink, LatencyHistogram]:
    clock, sink, latency = VirtualClock(), ListSink(), LatencyHistogram()
    witness = Witness(sink, clock.now_s, latency, folder)
    VirtualEngine(clock=clock).run(
        core=make_core(), source=source or ListSource(ramp(4.0)), sink=witness, layout=LAYOUT
    )
    return witness, sink, latency


def test_everything_goes_on_to_the_sink_and_the_run_is_described(tmp_path: Path) -> None:
    witness, sink, latency = watched(tmp_path)
    assert sink.outcome == "complete"
    assert len(sink.frames) == 100
    assert latency.count == 100
    assert witness.origin_s == pytest.approx(sink.frames[0].deadline_s)
    assert [time_s for time_s, _ in witness.rss_mb] == [0, 1, 2, 3]
    assert all(mb > 10 for _, mb in witness.rss_mb)
    assert list(witness.kept) == [KEEP_EVERY // 2 + KEEP_EVERY * count for count in range(3)]
    assert len(witness.kept) <= MOST_KEPT
    np.testing.assert_array_equal(np.load(witness.kept[18]), sink.frames[18].image)


def test_equal_streams_have_equal_hashes_and_no_others(tmp_path: Path) -> None:
    same = [watched(tmp_path)[0].sha256 for _ in range(2)]
    louder = ramp(4.0)
    louder[30_000] += 0.001
    other = watched(tmp_path, ListSource(louder))[0].sha256
    assert same[0] == same[1] != other


def test_barge_ins_reach_the_sink(tmp_path: Path) -> None:
    _, sink, _ = watched(tmp_path, Interrupted(ListSource(ramp(4.0)), at_s=[1.0, 2.5], pause_s=0.4))
    assert sink.num_flushed == 2
    assert sink.frames[-1].turn == 2


def test_an_interrupted_speaker_goes_on_after_a_pause_where_he_stopped() -> None:
    source = Interrupted(ListSource(ramp(1.0), chunk_samples=1600), at_s=[0.25, 0.95], pause_s=0.5)
    chunks = list(source.chunks())
    times = [chunk.at_s for chunk in chunks]
    assert times == pytest.approx([0.1, 0.2, 0.25, 0.8, 0.9, 0.95, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0])
    assert [chunk.clears for chunk in chunks] == [index in (2, 5) for index in range(12)]
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), ramp(1.0))
    assert (source.sample_rate_hz, source.chunk_samples) == (16_000, 1600)


def test_barge_ins_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than 0.5 s apart"):
        Interrupted(ListSource(ramp(1.0)), at_s=[0.2, 0.6], pause_s=0.5)
    unwritten = Interrupted(ScriptSource([Chunk(ramp(0.1), None)]), at_s=[0.05], pause_s=0.5)
    with pytest.raises(ConfigError, match="only a written source"):
        list(unwritten.chunks())
