"""The whole main job: talking videos -> store -> checkpoint -> a portrait that speaks, and how well it does.

python -m scripts.demo out=outputs/demo
python -m scripts.demo videos=<folder> portrait=<picture> speech=<recording> out=<folder>

Any subset may be given. Each stage is one of the other scripts, and is announced as the command that does the same.
Corpus and store are kept and continued; the training starts anew.
"""

import json
import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any, TypeVar

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table as ConsoleTable

from scripts import make_avatar, make_corpus, prepare_data, realtime, train
from scripts.entry import composed, run
from src.data.audio import load_recording, save_wav
from src.data.speaker_offset import delayed
from src.data.store import Clip, Store
from src.data.video import read_timeline, sample_images
from src.errors import ConfigError
from src.eval.lip_sync import MOUTH, compare_mouths, mouth_record
from src.eval.metrics import LAG, PEARSON_R, Measurement
from src.eval.report import write_page
from src.eval.run_page import demo_page
from src.eval.shown import Shown, measurement_record
from src.files import write_json
from src.motion import Motion
from src.realtime.predictor import SpeechToMotion
from src.render.contact_sheet import contact_sheet, save_sheet

MAX_UTTERANCE_S = 20.0
"""Of a held-out clip that the portrait repeats: long enough to judge, short enough to wait for."""
MIN_JUDGED_S = 2.0
"""Held-out clips below this say too little about a correlation."""

SHEET = "talking.png"
SHEET_IMAGES, SHEET_STEP_S = 12, 0.12

Result = TypeVar("Result")

console = Console(stderr=True)


@dataclass(frozen=True, eq=False)
class Utterance:
    """What the portrait says: a recording, and the motion of the person who said it where that is known."""

    path: Path
    reference: Motion | None
    origin: str


@dataclass(frozen=True)
class LipFigures:
    """How predicted lips follow true ones, and on what that was measured."""

    r: Measurement
    lag: Measurement
    reference: str


class Stages:
    """Announces stages and keeps their seconds."""

    def __init__(self, count: int) -> None:
        self.seconds: dict[str, float] = {}
        self._count = count

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[None]:
        """One stage, from its announcement to its time."""
        console.rule(f"[bold]{len(self.seconds) + 1}/{self._count} {name}[/]  {what}", align="left")
        begin_s = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begin_s, 1)
        console.print(f"{name}: {self.seconds[name]:.1f} s", style="green", highlight=False)


def main(config: DictConfig) -> None:
    """Do the whole job; what is quick to fail comes first."""
    out = Path(config.out)
    stages = Stages(6 if config.videos is None else 5)
    with stages.stage("avatar", f"from {config.portrait}"):
        run_script(config, make_avatar.main, "make_avatar", image=config.portrait, out=out / "avatar")
        if config.speech is not None:
            load_recording(Path(config.speech))
    videos, layout = config.videos, "folder"
    if videos is None:
        videos, layout = out / "corpus", "synthetic"
        with stages.stage("corpus", "synthetic speakers, because no videos were given"):
            run_script(config, make_corpus.main, "make_corpus", out=videos)
    with stages.stage("data", f"align the sound and motion of {videos}"):
        values = {"data": layout, "data.root": videos, "out": out / "store"}
        run_script(config, prepare_data.main, "prepare_data", **values)
    # Synthetic voices are learned in a minute; people deserve the full recipe.
    experiment = config.experiment or ("demo" if config.videos is None else None)
    with stages.stage("training", f"experiment {experiment}" if experiment else "the recipe of conf/train.yaml"):
        forget_run(out / "run")
        values = {"data.store": out / "store", "out": out / "run", "seed": config.seed}
        run_script(config, train.main, "train", **values, **({"experiment": experiment} if experiment else {}))
    store, metrics = Store.open(out / "store"), read_metrics(out / "run")
    utterance = choose_utterance(config, out, store, metrics)
    with stages.stage("live", f"speak {utterance.origin} in real time"):
        values = {"checkpoint": out / "run" / train.BEST, "avatar": out / "avatar", "source": utterance.path}
        record, shown = run_script(config, realtime.talk, "realtime", **values, out=out, seed=config.seed)
    with stages.stage("report", "judge the lips"):
        predictor = SpeechToMotion.load(out / "run" / train.BEST)
        lips = judge_lips(predictor, utterance, store, metrics)
        record |= {
            **lip_record(lips),
            "lips": mouths(shown, utterance.reference),
            "speech": utterance.origin,
            "data": {key: metrics[key] for key in ("train", "val", "speaker_disjoint", "data_hash")},
        }
        if shown is not None:
            write_sheet(out / SHEET, shown)
    record["stage_seconds"] = {**stages.seconds, "total": round(sum(stages.seconds.values()), 1)}
    write_json(out / realtime.REPORT, record)
    write_page(out / realtime.PAGE, demo_page(record, shown, utterance.reference))
    print_figures(record, out)


def run_script(config: DictConfig, main: Callable[[DictConfig], Result], name: str, **values: Any) -> Result:
    """Do what `python -m scripts.<name> key=value ...` does, and say so."""
    given = [*(f"{key}={value}" for key, value in values.items()), *config.overrides[name]]
    line = "$ " + shlex.join(["python", "-m", f"scripts.{name}", *given])
    console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)
    return main(script_config(config, name, **values))


def script_config(config: DictConfig, name: str, **values: Any) -> DictConfig:
    """The composed configuration of a script, with the demo's further overrides for it."""
    return composed(name, [*(f"{key}={quoted(value)}" for key, value in values.items()), *config.overrides[name]])


def quoted(value: object) -> str:
    """A value for Hydra's command line; whatever is in a path stays a part of the path."""
    if isinstance(value, int):
        return str(value)
    # In Hydra's grammar a backslash is special only in front of a quote, the closing one included.
    text = re.sub(r"(\\*)'", r"\1\1\\'", str(value))
    return "'" + re.sub(r"(\\+)$", r"\1\1", text) + "'"


def forget_run(folder: Path) -> None:
    """Remove the training of an earlier demo.

    Raises:
        ConfigError: the folder holds something else.
    """
    if not folder.exists():
        return
    if not (folder / train.CONFIG).is_file():
        raise ConfigError(f"{folder}: exists and is no training run. Move it away, or give another folder as `out`.")
    shutil.rmtree(folder)


def read_metrics(run_folder: Path) -> dict[str, Any]:
    """What the training wrote about its checkpoint and its data."""
    metrics: dict[str, Any] = json.loads((run_folder / train.METRICS).read_text("utf-8"))
    return metrics


def choose_utterance(config: DictConfig, out: Path, store: Store, metrics: Mapping[str, Any]) -> Utterance:
    """The given recording, or one that training never heard and whose true motion is known."""
    if config.speech is not None:
        return Utterance(Path(config.speech), None, Path(config.speech).name)
    path = out / "speech.wav"
    if config.videos is None:
        held_out = instantiate(script_config(config, "make_corpus", out=out / "corpus").data).held_out()
        save_wav(path, held_out.speech.waveform, held_out.speech.sample_rate_hz)
        return Utterance(path, held_out.motion, "a text that training never saw, in a voice that it never heard")
    clip = store.load(max(metrics["clips"]["val"], key=lambda clip_id: (store.info(clip_id).seconds, clip_id)))
    frames = round(min(MAX_UTTERANCE_S, clip.info.seconds) * clip.motion.fps)
    samples = round(frames / clip.motion.fps * clip.info.sample_rate_hz)
    save_wav(path, clip.waveform[:samples], clip.info.sample_rate_hz)
    motion = in_sync(clip, metrics)
    reference = Motion(motion.values[:frames], motion.spec, motion.fps, motion.start_s, motion.valid[:frames])
    # A store of one clip is split by time, so training has seen the most of it.
    seen = "most of which training has seen" if len(store.clips) == 1 else "which training never saw"
    return Utterance(path, reference, f"the sound of {clip.info.path}, {seen}")


def in_sync(clip: Clip, metrics: Mapping[str, Any]) -> Motion:
    """The motion of a clip as training took it: moved where the speaker's clips are out of sync."""
    delay_ms = metrics["aligned_speakers"].get(clip.info.speaker, {}).get("moved_ms", 0.0)
    return delayed(clip.motion, delay_ms)


def judge_lips(predictor: SpeechToMotion, utterance: Utterance, store: Store, metrics: Mapping[str, Any]) -> LipFigures:
    """Predicted against true lips: of the utterance, or of all held-out clips when its truth is unknown."""
    if utterance.reference is not None:
        spoken = load_recording(utterance.path, predictor.sample_rate_hz)
        sync = compare_mouths(predictor.predict(spoken.waveform), utterance.reference)
        return LipFigures(sync.r, sync.lag, utterance.origin)
    judged = []
    for clip_id in metrics["clips"]["val"]:
        if store.info(clip_id).seconds >= MIN_JUDGED_S:
            clip = store.load(clip_id)
            judged.append(compare_mouths(predictor.predict(clip.waveform), in_sync(clip, metrics)))
    rs = [sync.r.value for sync in judged if sync.r.value is not None]
    lags = [sync.lag.value for sync in judged if sync.lag.value is not None]
    none = f"no held-out clip of {MIN_JUDGED_S:g} s or more has a mouth that moves with its sound"
    return LipFigures(
        Measurement(PEARSON_R, fmean(rs) if rs else None, "" if rs else none),
        Measurement(LAG, median(lags) if lags else None, "" if lags else none),
        f"mean r and median lag over {len(judged)} held-out clips, because the true motion of the speech is unknown",
    )


def mouths(shown: Shown | None, reference: Motion | None) -> dict[str, dict[str, float | None]]:
    """What the mouth does as predicted, as found again in the pictures, and in truth, as far as each is known."""
    if shown is None:
        return {}
    sound = (shown.waveform, shown.sample_rate_hz)
    judged = {"predicted": shown.predicted, "shown": shown.motion}
    lips = {name: mouth_record(motion, reference, *sound) for name, motion in judged.items() if motion is not None}
    return lips if reference is None else {**lips, "true": mouth_record(reference, None, *sound)}


def write_sheet(path: Path, shown: Shown) -> None:
    """Pictures of the liveliest moment of a video with their times and mouth openings, on one sheet."""
    times_s = liveliest_times(shown.predicted, SHEET_IMAGES, SHEET_STEP_S)
    asked = shown.predicted.sample(times_s)[:, shown.predicted.spec.index(MOUTH)]
    labels, images = [], []
    for instants, image in sample_images(shown.video, read_timeline(shown.video), times_s):
        for instant in instants:
            labels.append(f"{times_s[instant]:.2f} s   mouth {asked[instant]:.2f}")
            images.append(image)
    save_sheet(path, contact_sheet(labels, images, columns=6, width=256))


def liveliest_times(motion: Motion, count: int, step_s: float) -> NDArray[np.float64]:
    """(count,) times, a step apart, in the stretch where the mouth moves most."""
    mouth, length = motion.channel(MOUTH), round(count * step_s * motion.fps)
    spread = [float(np.std(mouth[start : start + length])) for start in range(max(1, len(mouth) - length))]
    first_s = motion.times_s[int(np.argmax(spread))]
    return np.minimum(first_s + step_s * np.arange(count), motion.times_s[-1])


def lip_record(lips: LipFigures) -> dict[str, Any]:
    """`lip_r`, `lip_lag_ms` and what they were measured on."""
    return {
        **measurement_record("lip_r", lips.r),
        **measurement_record("lip_lag_ms", lips.lag),
        "lip_reference": lips.reference,
    }


def print_figures(record: Mapping[str, Any], out: Path) -> None:
    """The figures that matter, and where everything is."""
    table = ConsoleTable(title="Audio2Motion demo", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("meaning", overflow="fold")
    latency = record["latency_ms"] or {}
    rows = [
        ("lip_r", record["lip_r"], "", f"predicted against true mouth opening; {record['lip_reference']}"),
        ("lip_lag_ms", record["lip_lag_ms"], "ms", "positive: the prediction is late"),
        ("av_offset_ms", record["av_offset_ms"], "ms", "found in the written video; positive: late picture"),
        ("shown_lip_r", record["shown_lip_r"], "", "mouth found again in the video against the prediction"),
        ("fps", record["fps"], "", f"{record['frames']} pictures, {record['dropped']} dropped"),
        ("latency p50 / p95 / p99", " / ".join(_short(latency.get(key)) for key in ("p50", "p95", "p99")), "ms",
         "sound in to picture out, look-ahead included"),
        ("total", record["stage_seconds"]["total"], "s",
         ", ".join(f"{name} {seconds:g}" for name, seconds in record["stage_seconds"].items() if name != "total")),
    ]  # fmt: skip
    for name, value, unit, meaning in rows:
        table.add_row(name, f"{_short(value)} {unit}".strip(), meaning)
    printer = Console()
    printer.print(table)
    for name in (realtime.VIDEO, SHEET, realtime.PAGE, realtime.REPORT):
        printer.print(str(out / name), highlight=False, soft_wrap=True)


def _short(value: float | int | None) -> str:
    """Three digits, as much as a figure here holds; a dash for none."""
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"
    return "-" if value is None else str(value)


if __name__ == "__main__":
    run(main, "demo")
