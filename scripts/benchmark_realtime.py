"""Measure the engine in real time: deadlines, delays, processor and memory, of one face and of several at once.

python -m scripts.benchmark_realtime out=<record.json>

Somebody speaks at the pace of speech, in chunks of 10 ms at 48 kHz, for `seconds`: a microphone without a sink.
Then, for `others_s` each, the same into an mp4, a voice that takes turns and is interrupted, and several microphones at
once with smaller pictures. Then short runs with more and more sessions say how many the machine holds, and every stage
is timed alone. Other work on the machine makes all figures worse.
"""

import copy
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from scripts.entry import run
from scripts.live import cast_for
from scripts.live_load import ProcessWatch, Talk, Witness, spoken
from scripts.live_parts import parts
from scripts.render_speed import load_average
from src.eval.provenance import provenance
from src.files import write_json
from src.motion import FRAMES_PER_SECOND
from src.realtime.animator import Animator
from src.realtime.frame import Sink
from src.realtime.meter import RunFigures
from src.realtime.record import engine_record
from src.realtime.statistics import LatencyHistogram

LOOKS = 100
"""Looks at the memory in a run."""

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Measure, print, write."""
    large, small = cast_for(config), cast_for(smaller(config))
    for cast in (large, small):
        cast.animator.warm_up()
    sentences = spoken(
        list(config.talk.texts),
        voice=config.talk.voice,
        rate_wpm=config.talk.rate_wpm,
        sample_rate_hz=config.talk.sample_rate_hz,
    )
    record: dict[str, Any] = {
        "question": "Does the engine keep 25 frames a second and its delays, what does it take, and for how many?",
        "clock_includes": "resampling, features, model, voice gate, idle layer, drawing; encoding only with mp4",
        "budget_ms": 1000 / FRAMES_PER_SECOND,
        "playout_delay_ms": config.session.timing.playout_delay_ms,
        "algorithmic_latency_ms": large.predictor.contract.latency_record,
        "inputs": large.inputs(config),
        "machine": provenance().to_dict(),
        "config": OmegaConf.to_container(config, resolve=True),
    }
    video = Path(config.mp4.path)
    record["microphone"] = at_once(config, large.animator, sentences, 1, config.seconds)
    try:
        record["mp4"] = at_once(config, large.animator, sentences, 1, config.others_s, sink=instantiate(config.mp4))
    finally:
        video.unlink(missing_ok=True)
    record["turns"] = at_once(config, large.animator, sentences, 1, config.others_s, takes_turns=True)
    record["several"] = at_once(config, small.animator, sentences, config.sessions, config.others_s)
    record["capacity"] = capacity(config, small.animator, sentences)
    record["parts_us"] = parts(config, large.animator, sentences)
    write_json(Path(config.out), record)
    show(record)


def smaller(config: DictConfig) -> DictConfig:
    """The configuration with the renderer of the many."""
    changed = copy.deepcopy(config)
    changed.render = config.small
    return changed


def at_once(
    config: DictConfig,
    animator: Animator,
    sentences: list[NDArray[np.float32]],
    count: int,
    seconds: float,
    *,
    takes_turns: bool = False,
    sink: Sink | None = None,
) -> dict[str, Any]:
    """Run sessions at once on the wall clock, each in an engine of its own.

    Args:
        config: of the script.
        animator: that they share.
        sentences: that all of them say, each beginning with another one.
        count: of sessions.
        seconds: that they run.
        takes_turns: as in `Talk`.
        sink: that takes the pictures of the only session; None for nobody.

    Returns:
        Figures of the process and of each session.
    """
    talks = [talk_of(config, sentences, number, seconds, takes_turns) for number in range(count)]
    witnesses = [Witness(sink, animator.predictor.spec, talk) for talk in talks]
    load_before = load_average()
    found: dict[int, RunFigures | BaseException] = {}

    def session(number: int) -> None:
        try:
            found[number] = instantiate(config.clock).run(
                core=witnesses[number].core(animator, config.seed + number),
                source=talks[number],
                sink=witnesses[number],
                layout=animator.layout,
            )
        except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
            found[number] = error

    threads = [threading.Thread(target=session, args=(number,), name=f"session {number}") for number in range(count)]
    with ProcessWatch(seconds / LOOKS) as watch:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sessions = []
    for number, witness in enumerate(witnesses):
        figures = found[number]
        if isinstance(figures, BaseException):
            raise figures
        sessions.append(session_record(figures, witness))
    met = min(one["deadlines_met"] for one in sessions)
    logger.info("%d at once, %.0f s: %.3f %% of deadlines met, %s", count, seconds, 100 * met, watch.record())
    return {
        "sessions_at_once": count,
        "width": animator.layout.width,
        "seconds": seconds,
        "load_average_1_min_before": load_before,
        "deadlines_met": met,
        **watch.record(),
        "sessions": sessions,
    }


def talk_of(
    config: DictConfig, sentences: list[NDArray[np.float32]], number: int, seconds: float, takes_turns: bool
) -> Talk:
    """What session `number` hears: it begins with another sentence than the others."""
    first = number % len(sentences)
    return Talk(
        [*sentences[first:], *sentences[:first]],
        sample_rate_hz=config.talk.sample_rate_hz,
        chunk_ms=config.talk.chunk_ms,
        pause_s=config.talk.pause_s,
        takes_turns=takes_turns,
        interrupt_every=config.talk.interrupt_every,
        seconds=seconds,
    )


def session_record(figures: RunFigures, witness: Witness) -> dict[str, Any]:
    """Figures of one session. A deadline is met by a picture that reaches the sink before its presentation time."""
    slots = figures.frames + figures.dropped
    met = figures.frames - figures.deadline_misses
    return {
        "deadlines_met": round(met / slots, 5) if slots else None,
        **{key: value for key, value in engine_record(figures).items() if key != "latency_bars"},
        "onset_ms": summary(witness.onset_ms),
        "interrupt_ms": summary(witness.interrupt_ms),
    }


def summary(histogram: LatencyHistogram) -> dict[str, float] | None:
    """Percentiles of milliseconds; None without any."""
    found = histogram.summary()
    return None if found is None else {name: round(value, 1) for name, value in asdict(found).items()}


def capacity(config: DictConfig, animator: Animator, sentences: list[NDArray[np.float32]]) -> list[dict[str, Any]]:
    """More and more sessions at once, up to the first count that misses too many deadlines."""
    tried = []
    for count in config.capacity.counts:
        whole = at_once(config, animator, sentences, count, config.capacity.seconds)
        kept = ("sessions_at_once", "deadlines_met", "cpu_percent_of_all_cores")
        latency = [one["latency_ms"]["p95"] for one in whole["sessions"]]
        tried.append(
            {**{key: whole[key] for key in kept}, "latency_p95_ms": max(latency), "rss_mb": whole["rss_mb"]["max"]}
        )
        if whole["deadlines_met"] < config.capacity.met:
            break
    return tried


def show(record: Mapping[str, Any]) -> None:
    """Print the figures."""
    console = Console()
    table = Table(title="Real time; sound in to picture out in ms", title_justify="left", padding=(0, 0))
    names = ("run", "at once", "FPS", "met %", "CPU %", "p50", "p95", "p99", "max", "first", "interrupted")
    for name in names:
        table.add_column(name, justify="left" if name == "run" else "right", overflow="fold")
    for name in ("microphone", "mp4", "turns", "several"):
        whole = record[name]
        worst = min(whole["sessions"], key=lambda one: one["deadlines_met"])
        latency, interrupt = worst["latency_ms"], worst["interrupt_ms"]
        figures = [worst["fps"], *(latency[key] for key in ("p50", "p95", "p99", "max")), worst["first_frame_ms"]]
        fps, *delays = (f"{value:.1f}" for value in figures)
        met, cpu = f"{100 * whole['deadlines_met']:.2f}", f"{whole['cpu_percent_of_all_cores']:.0f}"
        longest = "" if interrupt is None else f"{interrupt['max']:.1f}"
        table.add_row(f"{name} {whole['width']}", str(whole["sessions_at_once"]), fps, met, cpu, *delays, longest)
    console.print(table)
    for tried in record["capacity"]:
        console.print(tried)
    console.print(record["parts_us"])


if __name__ == "__main__":
    run(main, "benchmark_realtime")
