"""The load of the benchmark is what it says, its witness sees what happened, and a tiny run gives a whole record."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.benchmark_realtime import at_once, main
from scripts.live_load import ProcessWatch, Talk, Witness
from src.errors import ConfigError
from src.motion import CORE7
from src.realtime.animator import Animator
from src.realtime.clock import VirtualClock
from src.realtime.core import Draw, SessionCore
from src.realtime.frame import Chunk
from src.realtime.replay import VirtualEngine
from src.realtime.spoken import Predictor
from tests.realtime.fakes import LAYOUT, RATE, Follower, jaw_picture, make_core
from tests.render.portraits import drawn_avatar
from tests.scripts.test_realtime import composed


def talk(seconds: float, *, takes_turns: bool, interrupt_every: int = 0, clock: VirtualClock | None = None) -> Talk:
    """Sentences of 0.8 s whose jaw stays at 0.3, with pauses of 0.4 s."""
    return Talk(
        [np.full(round(0.8 * RATE), 0.3, np.float32)],
        sample_rate_hz=RATE,
        chunk_ms=10.0,
        pause_s=0.4,
        takes_turns=takes_turns,
        interrupt_every=interrupt_every,
        seconds=seconds,
        clock=(clock or VirtualClock()).now_s,
    )


def animator() -> Animator:
    def core(predictor: Predictor, draw: Draw, seed: int) -> SessionCore:
        return make_core(Follower(), draw)

    return Animator(Follower(), jaw_picture, LAYOUT, core)


def sound_of(chunks: list[Chunk]) -> NDArray[np.float32]:
    return np.concatenate([chunk.samples for chunk in chunks])


def test_a_microphone_hears_pauses_and_never_ends() -> None:
    chunks = list(talk(3.0, takes_turns=False).chunks())
    sound = sound_of(chunks)
    assert len(sound) == 3 * RATE
    assert [float(sound[round(at * RATE)]) for at in (0.1, 1.0, 1.3, 2.3)] == pytest.approx([0.3, 0.0, 0.3, 0.0])
    assert not any(chunk.ends_segment or chunk.clears for chunk in chunks)
    assert chunks[7].at_s == pytest.approx(0.08)


def test_who_takes_turns_says_nothing_in_pauses_and_is_interrupted() -> None:
    speaking = talk(3.5, takes_turns=True, interrupt_every=2)
    chunks = list(speaking.chunks())
    events = [(chunk.at_s, chunk.ends_segment, chunk.clears) for chunk in chunks if not len(chunk.samples)]
    assert [event[0] for event in events] == pytest.approx([0.8, 1.6, 2.8])
    assert [event[1:] for event in events] == [(True, False), (False, True), (True, False)]
    assert speaking.cleared_s == pytest.approx([1.6])


def test_the_witness_sees_when_the_mouth_is_shut_after_an_interruption() -> None:
    clock = VirtualClock()
    speaking = talk(3.5, takes_turns=True, interrupt_every=2, clock=clock)
    witness = Witness(None, CORE7, speaking)
    made = animator()
    VirtualEngine(clock=clock).run(core=witness.core(made, 0), source=speaking, sink=witness, layout=made.layout)
    interrupted, begun = witness.interrupt_ms.summary(), witness.onset_ms.summary()
    assert interrupted is not None
    assert interrupted.count == 1
    assert 0 < interrupted.max <= 80
    assert begun is not None
    assert begun.count == 4


def test_sessions_at_once_are_measured_each() -> None:
    config = composed("benchmark_realtime", "out=record.json", "clock=virtual", "talk.sample_rate_hz=16000")
    whole = at_once(config, animator(), [np.full(RATE, 0.3, np.float32)], 2, 2.0)
    assert whole["sessions_at_once"] == len(whole["sessions"]) == 2
    assert all(one["frames"] > 40 and one["dropped"] == 0 for one in whole["sessions"])
    assert whole["rss_mb"]["max"] >= whole["rss_mb"]["start"] > 0


def test_a_failure_in_a_session_is_raised() -> None:
    config = composed("benchmark_realtime", "out=record.json", "clock=virtual", "talk.sample_rate_hz=16000")

    def broken(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        raise RuntimeError("the picture can't be drawn")

    made = animator()
    with pytest.raises(RuntimeError, match="the picture can't be drawn"):
        at_once(
            config, Animator(made.predictor, broken, made.layout, made.make_core), [np.ones(RATE, np.float32)], 1, 1.0
        )


def test_processor_time_is_that_of_the_block() -> None:
    with ProcessWatch(every_s=10.0) as watch:
        sum(number * number for number in range(300_000))
    assert watch.cpu_s > 0
    assert len(watch.rss_mb) == 2


def test_a_talk_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="Give texts, and times above 0"):
        talk(0.0, takes_turns=True)


def test_a_tiny_run_gives_a_whole_record(tmp_path: Path) -> None:
    drawn_avatar().save(tmp_path / "avatar")
    out = tmp_path / "record.json"
    main(
        composed(
            "benchmark_realtime", f"out={out}", f"avatar={tmp_path / 'avatar'}", "render=mesh_256", "clock=virtual",
            "seconds=1.0", "others_s=1.0", "sessions=2", "capacity.counts=[2]", "capacity.seconds=0.5",
            "parts.seconds=1.0", "parts.warm_up=5", "talk.texts=[Hello there]",
        )
    )  # fmt: skip
    record = json.loads(out.read_text())
    assert {"microphone", "mp4", "turns", "several"} <= record.keys()
    assert record["mp4"]["sessions"][0]["deadlines_met"] == 1.0
    assert record["several"]["sessions_at_once"] == 2
    assert record["capacity"][0]["sessions_at_once"] == 2
    assert all(part["p50"] > 0 for part in record["parts_us"].values())
    assert record["machine"]["cpu"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".mp4"] == []
