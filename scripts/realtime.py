"""Let a portrait speak in real time.

python -m scripts.realtime source=<recording>
python -m scripts.realtime source=<recording> checkpoint=<best.ckpt or model.onnx> avatar=<avatar folder> out=<folder>

Without more the checkpoint that `scripts.leaderboard` named best drives the portrait of the program; where none was
named, the model of the program. Writes `talking.mp4`, `report.json` and `report.html`.
`realtime/sink=window` shows it instead of writing a video, `clock=virtual` runs as fast as the machine computes.
`realtime/source=microphone`, `stdin`, `websocket`, `typed`, or `text` with text="Hello there.", take the place of the
recording. Ctrl-C ends those that have no end of their own, and the video is complete.
A renderer that is too slow for live speech is refused at the start; `allow_slow=true` takes the virtual clock then.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from scripts.entry import run
from scripts.live import cast_for
from src.data.audio import load_recording
from src.data.labels import extract_motion
from src.errors import ConfigError, DataError
from src.eval.provenance import provenance
from src.eval.report import write_page
from src.eval.run_page import live_page
from src.eval.shown import Shown, judge, shown_record
from src.files import sha256_of, write_json
from src.motion import core7_of
from src.realtime.clock import VirtualClock
from src.realtime.frame import Chunk, Sink, Source
from src.realtime.predictor import SpeechToMotion
from src.realtime.record import engine_record
from src.realtime.replay import VirtualEngine
from src.realtime.sinks.through import seen_by
from src.realtime.sources.file import FileSource

logger = logging.getLogger(__name__)

VIDEO, REPORT, PAGE = "talking.mp4", "report.json", "report.html"
LIVE = "live"
"""Stands in a report for a recording that there is not."""


def main(config: DictConfig) -> None:
    """Run the engine, look at what it showed, and report."""
    record, shown = talk(config)
    out = Path(config.out)
    write_json(out / REPORT, record)
    write_page(out / PAGE, live_page(record, shown))
    logger.info(
        "%d frames at %s fps, %d dropped, %d repeated, latency p95 %s ms, A/V offset %s ms; %s",
        record["frames"],
        record["fps"],
        record["dropped"],
        record["repeated"],
        (record["latency_ms"] or {}).get("p95"),
        record["av_offset_ms"],
        out / REPORT,
    )


def talk(config: DictConfig) -> tuple[dict[str, Any], Shown | None]:
    """Play the source through model, renderer and sink.

    Returns:
        The content of `report.json`, and the video looked at again; None if the sink wrote none.
    """
    cast = cast_for(config)
    animator, predictor = cast.animator, cast.predictor
    speech, sink = instantiate(config.speech), instantiate(config.sink)
    animator.warm_up()
    drawn = animator.drawn_per_second()
    engine = engine_for(config, drawn, predictor.fps)
    parts = predictor.contract.latency_record
    logger.info(
        "algorithmic latency %g ms = %s; shown %g ms after it was spoken",
        predictor.latency_ms,
        " + ".join(f"{value:g} ms {name}" for name, value in parts.items() if name != "total"),
        config.session.timing.playout_delay_ms,
    )
    duration_s = speech.duration_s if isinstance(speech, FileSource) else None
    source = Interruptible(speech) if duration_s is None else speech
    with progress_bar(duration_s) as advance, ended_by_interrupt(source):
        figures = engine.run(
            core=animator.core(config.seed), source=source, sink=watched(sink, advance), layout=animator.layout
        )

    video = OmegaConf.select(config, "sink.path")
    shown = look_at(Path(video), predictor, find_mouth=config.evaluate) if video is not None else None
    return {
        **engine_record(figures),
        **shown_record(shown),
        "playout_delay_ms": config.session.timing.playout_delay_ms,
        "algorithmic_latency_ms": parts,
        "clock": engine.clock_name,
        "drawn_per_second": round(drawn, 2),
        "seed": config.seed,
        "inputs": {
            **cast.inputs(config),
            "source": source_record(config.source),
        },
        "machine": provenance().to_dict(),
        "config": recorded(config),
    }, shown


def engine_for(config: DictConfig, drawn_per_second: float, fps: float) -> Any:
    """The engine of the section `clock`, or one without a live clock where drawing is too slow and that is allowed.

    Raises:
        ConfigError: drawing is too slow for a live clock.
    """
    engine = instantiate(config.clock)
    if engine.clock_name == VirtualEngine.clock_name or drawn_per_second >= fps:
        return engine
    slow = f"this machine draws {drawn_per_second:.3g} pictures a second with this renderer, live speech needs {fps:g}."
    if not config.allow_slow:
        raise ConfigError(
            f"{slow} Use a GPU (render=liveportrait: render.engine.device=cuda render.engine.dtype=float16, or another "
            "render/engine), smaller pictures, or render=mesh, which needs no GPU. allow_slow=true makes the video "
            "without a live clock, in the time that it takes."
        )
    logger.warning("%s allow_slow=true: the video is made without a live clock, in the time that it takes.", slow)
    return VirtualEngine(clock=VirtualClock())


def source_record(path: str | None) -> dict[str, str | None]:
    """What was said, for the report; nothing is known of what was heard live."""
    return {"path": LIVE, "sha256": None} if path is None else {"path": path, "sha256": sha256_of(Path(path))}


def recorded(config: DictConfig) -> Any:
    """The configuration for the report, without its secret."""
    content = OmegaConf.to_container(config, resolve=True)
    assert isinstance(content, dict)
    if content["speech"].get("token"):
        content["speech"]["token"] = "(set)"
    return content


class Interruptible:
    """A source that ends when it is told to.

    Args:
        source: a live one, which gives chunks all the time.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._over = threading.Event()

    @property
    def sample_rate_hz(self) -> int:
        """Of the source."""
        return self._source.sample_rate_hz

    @property
    def chunk_samples(self) -> int:
        """Of the source."""
        return self._source.chunk_samples

    def end(self) -> None:
        """No chunk comes after the next one."""
        self._over.set()

    def chunks(self) -> Iterator[Chunk]:
        """Of the source, until the end."""
        with closing(self._source.chunks()) as chunks:  # type: ignore[type-var]
            for chunk in chunks:
                if self._over.is_set():
                    return
                yield chunk


@contextmanager
def ended_by_interrupt(source: Source | Interruptible) -> Iterator[None]:
    """Ctrl-C ends a live source, so that the run comes to its end; pressed again it ends the program."""
    if not isinstance(source, Interruptible):
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def end(*_: object) -> None:
        source.end()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def watched(sink: Sink, tell: Callable[[float], None]) -> Sink:
    """A sink that tells how far the stream has come."""
    return seen_by(lambda frame: tell(frame.time_s), sink)


@contextmanager
def progress_bar(seconds: float | None) -> Iterator[Callable[[float], None]]:
    """A bar on stderr over the seconds of the stream; None where nobody knows them."""
    of = "" if seconds is None else " of {task.total:.1f}"
    columns = (TextColumn("live"), BarColumn(), TextColumn("{task.completed:.1f}" + of + " s"))
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
        bar = progress.add_task("live", total=seconds)
        yield lambda time_s: progress.update(bar, completed=time_s)
        if seconds is not None:
            progress.update(bar, completed=seconds)


def look_at(video: Path, predictor: SpeechToMotion, *, find_mouth: bool) -> Shown:
    """Read a written video again and compare its pictures with its sound.

    Args:
        video: with a sound track.
        predictor: the model that drove it.
        find_mouth: search the face in the pictures, the slow part; without it there are only reasons.
    """
    recording = load_recording(video, predictor.sample_rate_hz)
    predicted = core7_of(predictor.predict(recording.waveform))
    if not find_mouth:
        return judge(video, recording.waveform, recording.sample_rate_hz, predicted, None, "evaluate=false")
    try:
        motion, reason = extract_motion(video), ""
    except DataError as error:  # the run itself was good: report why its mouth could not be measured
        motion, reason = None, str(error)
        logger.warning("no A/V offset: %s", reason)
    return judge(video, recording.waveform, recording.sample_rate_hz, predicted, motion, reason)


if __name__ == "__main__":
    run(main, "realtime", texts={"text": "speech.text"})
