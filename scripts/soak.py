"""Let a portrait talk for an hour and see that it goes on as it began.

python -m scripts.soak
python -m scripts.soak clock=wall minutes=480 render=mesh_256 avatar=<avatar folder>

Speech of espeak-ng in many voices, with pauses, interruptions and bursts, through model and renderer, in virtual time.
Memory, the time of a picture, and the mouth against its voice are looked at block by block. Writes `report.json` and
`report.html`; a bound that does not hold ends the command with exit code 1 and its name.
"""

import logging
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from scripts.entry import run
from scripts.live import cast_for
from scripts.live_runs import engine_and_clock
from scripts.realtime import progress_bar, watched
from src.data.speech import SAMPLE_RATE_HZ, EspeakSynthesizer
from src.eval.blocks import Chart
from src.eval.charts import Line, line_chart
from src.eval.provenance import provenance
from src.eval.report import Figure, Page, write_page
from src.eval.run_page import provenance_rows
from src.eval.tables import Flag, Table
from src.files import write_json
from src.realtime.conversation import TURNS, Conversation
from src.realtime.endurance import Block, Watch, slope_per_hour
from src.realtime.meter import RunFigures
from src.realtime.record import engine_record
from src.realtime.witness import rss_mb

logger = logging.getLogger(__name__)

REPORT, PAGE = "report.json", "report.html"
EXIT_FAILED = 1
LEAST_DRIFT_S = 1500.0
"""Shorter runs say nothing about drift: the lag of a block is known to a few milliseconds."""


@dataclass(frozen=True)
class Verdict:
    """A bound of a run: what it is about, the value found, and the bound; None: the run was too short to say."""

    name: str
    value: float | None
    bound: float
    unit: str

    @property
    def holds(self) -> bool:
        """A value that is not there breaks no bound."""
        return self.value is None or round(self.value, 6) <= self.bound

    def __str__(self) -> str:
        return f"{self.name}: {_short(self.value)} {self.unit}, at most {self.bound:g}".replace("  ", " ")


def main(config: DictConfig) -> None:
    """Run, judge, report."""
    record, blocks, verdicts = soak(config)
    out = Path(config.out)
    write_json(out / REPORT, record)
    write_page(out / PAGE, page(record, blocks, verdicts))
    for verdict in verdicts:
        logger.info("%s %s", "holds " if verdict.holds else "BROKEN", verdict)
    logger.info("%s", out / PAGE)
    broken = [str(verdict) for verdict in verdicts if not verdict.holds]
    if broken:
        print(f"soak failed: {'; '.join(broken)}. See {out / PAGE}.", file=sys.stderr)
        sys.exit(EXIT_FAILED)


def soak(config: DictConfig) -> tuple[dict[str, Any], list[Block], list[Verdict]]:
    """The run: the content of `report.json`, its blocks, and how its bounds fared."""
    cast = cast_for(config)
    talk = Conversation(
        utterances=spoken(config.utterances),
        turns=TURNS,
        seconds=60.0 * config.minutes,
        chunk_samples=round(config.chunk_ms * SAMPLE_RATE_HZ / 1000.0),
        sample_rate_hz=SAMPLE_RATE_HZ,
    )
    engine, clock = engine_and_clock(config.clock)
    cast.animator.warm_up()
    watch = Watch(block_s=config.block_s, clock=clock, memory_mb=rss_mb)
    animator = cast.animator
    predictor, draw = watch.listening(animator.predictor), watch.drawing(animator.draw, animator.predictor.spec)
    core = animator.make_core(predictor, draw, config.seed)
    begin_s = time.perf_counter()
    with progress_bar(talk.duration_s) as advance:
        figures = engine.run(
            core=core, source=watch.speaking(talk), sink=watched(watch, advance), layout=animator.layout
        )
    took_s = time.perf_counter() - begin_s
    verdicts = judge(watch, figures, config.bounds)
    memory_mb = [block.memory_mb for block in watch.blocks]
    record = {
        **engine_record(figures),
        "slots": watch.num_slots,
        "slots_without_picture": watch.num_missing,
        "samples": watch.num_samples,
        "timeline_error_ms": round(watch.timeline_error_ms, 6),
        "drift_ms_per_hour": drift_ms_per_hour(watch.blocks),
        "interrupt_ms": asdict(summary) if (summary := watch.interruptions.summary()) else None,
        "rss_mb_start": round(watch.memory_start_mb, 1),
        "rss_mb_first_block": round(memory_mb[0], 1),
        "rss_mb_end": round(memory_mb[-1], 1),
        "took_s": round(took_s, 1),
        "times_real_time": round(figures.seconds / took_s, 2),
        "blocks": [asdict(block) for block in watch.blocks],
        "verdicts": [{**asdict(verdict), "holds": verdict.holds} for verdict in verdicts],
        "clock": engine.clock_name,
        "seed": config.seed,
        "inputs": cast.inputs(config),
        "machine": provenance().to_dict(),
        "config": OmegaConf.to_container(config, resolve=True),
    }
    return record, watch.blocks, verdicts


def spoken(utterances: Sequence[Sequence[Any]]) -> list[NDArray[np.float32]]:
    """(s,) each: what is said, with its voices.

    Raises:
        DataError: espeak-ng is not installed or knows no such voice.
    """
    synthesizer = EspeakSynthesizer()
    return [
        synthesizer.speak(text, voice=voice, variant=variant, rate_wpm=rate_wpm, pitch=pitch).waveform
        for voice, variant, rate_wpm, pitch, text in utterances
    ]


def judge(watch: Watch, figures: RunFigures, bounds: DictConfig) -> list[Verdict]:
    """What must hold of a long run."""
    blocks = watch.blocks
    growth_mb = blocks[-1].memory_mb - blocks[0].memory_mb if len(blocks) > 1 else None
    interruption = watch.interruptions.summary()
    drift = drift_ms_per_hour(blocks)
    hours = figures.seconds / 3600.0
    uncounted = watch.num_missing - figures.dropped
    return [
        Verdict("memory growth", growth_mb, bounds.memory_growth_mb, "MB"),
        Verdict("slowing of pictures", slower([block.draw for block in blocks]), bounds.slower, "times"),
        Verdict("slowing of the model", slower([block.model for block in blocks]), bounds.slower, "times"),
        Verdict("drift of the mouth", None if drift is None else abs(drift), bounds.drift_ms_per_hour, "ms per hour"),
        Verdict("drift of the timeline", abs(watch.timeline_error_ms) / hours, bounds.drift_ms_per_hour, "ms per hour"),
        Verdict("interruption", interruption.max if interruption else None, bounds.interrupt_ms, "ms"),
        Verdict("slots without a picture", watch.num_missing / watch.num_slots, bounds.dropped, "of all"),
        Verdict("slots missing and not counted", float(abs(uncounted)), 0.0, ""),
    ]


def drift_ms_per_hour(blocks: Sequence[Block]) -> float | None:
    """How fast the lag of the mouth behind its voice changes; None in short runs."""
    known = [(block.end_s, block.lag_ms) for block in blocks if block.lag_ms is not None]
    if not known or known[-1][0] - known[0][0] < LEAST_DRIFT_S:
        return None
    return slope_per_hour(np.array([end_s for end_s, _ in known]), np.array([lag_ms for _, lag_ms in known]))


def slower(summaries: Sequence[Any]) -> float | None:
    """Median of the last quarter of the blocks, as multiple of the first quarter's; None below four blocks."""
    medians = [summary.p50 for summary in summaries if summary is not None]
    quarter = len(medians) // 4
    return float(np.mean(medians[-quarter:]) / np.mean(medians[:quarter])) if quarter else None


def page(record: dict[str, Any], blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> Page:
    """The report for people."""
    lag = record["drift_ms_per_hour"]
    headline = [
        Figure("Time of talk", round(record["seconds"] / 60.0, 1), "min", "Length of the timeline."),
        Figure("Pictures", record["frames"], "", "That reached the sink, of the slots of the timeline."),
        Figure(
            "Memory growth",
            round(record["rss_mb_end"] - record["rss_mb_first_block"], 1),
            "MB",
            "Resident memory of the process, end of the last block less end of the first.",
        ),
        Figure(
            "Drift",
            None if lag is None else round(lag, 2),
            "ms per hour",
            "How fast the lag of the mouth behind the loudness of its voice changes: the slope over all blocks.",
            reason="the run is too short",
        ),
    ]
    names = ("end", "memory MB", "pictures", "draw p50 ms", "draw p95", "draw max", "model p50 ms", "p95", "lag ms")
    rows = [
        (
            f"{block.end_s / 60.0:.1f} min",
            _short(block.memory_mb),
            str(block.frames),
            *(_short(getattr(block.draw, name, None)) for name in ("p50", "p95", "max")),
            *(_short(getattr(block.model, name, None)) for name in ("p50", "p95")),
            _short(block.lag_ms),
        )
        for block in blocks
    ]
    bounds = [
        (verdict.name, _short(verdict.value), f"{verdict.bound:g}", verdict.unit, _flag(verdict))
        for verdict in verdicts
    ]
    counts = [(name, str(record[name])) for name in COUNTED if name in record]
    return Page(
        title="A portrait that talks for long",
        summary=f"{record['seconds'] / 60.0:.1f} minutes of speech, {record['clock']} clock, "
        f"{record['times_real_time']:g} times as fast as speech.",
        headline=headline,
        blocks=[chart for chart in charts(blocks, record["config"]["bounds"]) if chart is not None],
        tables=(
            Table("Bounds", ("what", "found", "at most", "unit", ""), bounds),
            Table("Block by block", names, rows),
            Table("Counts", ("what", "number"), counts),
        ),
        provenance=provenance_rows(record),
    )


COUNTED = (
    "frames", "slots", "slots_without_picture", "samples", "dropped", "held", "fillers", "starved", "stretched",
    "skipped", "underruns", "cleared", "deadline_misses",
)  # fmt: skip


def charts(blocks: Sequence[Block], bounds: dict[str, float]) -> list[Chart | None]:
    """Memory, the time of a picture, and the lag of the mouth over the run; None where there is too little."""
    most_mb = blocks[0].memory_mb + bounds["memory_growth_mb"]
    return [
        _over_time(
            blocks,
            "Memory",
            "MB",
            {"predicted": [block.memory_mb for block in blocks], "reference": [most_mb] * len(blocks)},
            legend=(("predicted", "of the process"), ("reference", "bound")),
        ),
        _over_time(
            blocks,
            "Time of a picture",
            "ms",
            {
                "predicted": [block.draw.p50 if block.draw else math.nan for block in blocks],
                "reference": [block.draw.p95 if block.draw else math.nan for block in blocks],
            },
            legend=(("predicted", "median"), ("reference", "95 %")),
        ),
        _over_time(blocks, "Lag of the mouth", "ms", {"predicted": [block.lag_ms or math.nan for block in blocks]}),
    ]


def _over_time(
    blocks: Sequence[Block],
    title: str,
    unit: str,
    values: dict[str, list[float]],
    legend: Sequence[tuple[str, str]] = (),
) -> Chart | None:
    known = [at for at in range(len(blocks)) if all(math.isfinite(series[at]) for series in values.values())]
    if len(known) < 2:
        return None
    lines = [Line(style, style, np.array([series[at] for at in known])) for style, series in values.items()]
    places = [blocks[at].end_s / 60.0 for at in known]
    return Chart(title, f"in {unit}, block by block", line_chart(lines, places, (unit, "min"), title), legend)


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _flag(verdict: Verdict) -> Flag:
    if verdict.value is None:
        return Flag("too short to say", False)
    return Flag("holds" if verdict.holds else "broken", not verdict.holds)


if __name__ == "__main__":
    run(main, "soak")
