"""Replay speech through the live engine, and measure what was shown.

python -m scripts.realtime_eval checkpoint=<ckpt> avatar=<dir> audio=<wav or dir> render=mesh clock=virtual out=<dir>

Writes `report.json`, `report.html`, and the videos that it measured. First the engine runs: over all recordings, over
clicks that a mouth answers (what the harness itself is worth), and over the first recording with somebody who
interrupts. Then the written files are read again and their mouths found again; no figure about what is seen or heard is
the engine's own.

`clock=virtual` gives the same frames bit for bit in every run, and their hash. With `--multirun` every combination has
a folder of its own, and `<out>/matrix.html` stands over them. `fault=late` plays the recordings, and only them, under a
fault of `conf/realtime/fault`.
"""

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import track

from scripts.calibrating import calibration_record, mouth_opening
from scripts.entry import run
from scripts.live import Cast, cast_for
from scripts.live_judging import Judged, judge_recording
from scripts.live_record import memory_record, pooled_record, recording_record, rows_record
from scripts.live_runs import Played, Stage, barge_ins
from scripts.live_tracking import log_live
from src.data.audio import Recording, load_recording
from src.data.labels import extract_motion
from src.data.video import read_timeline
from src.errors import ConfigError, DataError
from src.eval.live.interruption import interruption_ms, interruptions
from src.eval.live.matrix import matrix_page, read_runs
from src.eval.live.page import eval_page
from src.eval.provenance import provenance
from src.eval.report import write_page
from src.eval.rows import Bootstrap
from src.eval.shown import measurement_record
from src.files import sha256_of, write_json
from src.motion import Motion, core7_of
from src.realtime.witness import rss_mb

logger = logging.getLogger(__name__)

REPORT, PAGE, MATRIX = "report.json", "report.html", "matrix.html"
SOUNDS = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".mp4", ".mov", ".mkv", ".webm", ".avi"}
"""Files of a folder that are recordings; anything else needs to be named itself."""


def main(config: DictConfig) -> None:
    """Run, judge, write; in a matrix also the page over all runs so far."""
    started_s = time.monotonic()
    out, matrix = folder_of(config)
    record, judged = evaluated(config, out)
    record["seconds"] = round(time.monotonic() - started_s, 1)
    write_json(out / REPORT, record)
    page = eval_page(record, judged[0].shown)
    write_page(out / PAGE, page)
    if matrix is not None:
        write_page(matrix / MATRIX, matrix_page(read_runs(matrix, REPORT, record["command"])))
    if config.wandb.log:
        log_live(config, record, out)
    logger.info(
        "lip r offline %s, A/V offset %s ms, interruption %s ms, at rest in silence %s, latency p95 %s ms; %s",
        record["lip_r_offline"],
        record["av_offset_ms"],
        record["interrupt_ms"],
        record["silence_stability"],
        (record["latency_ms"] or {}).get("p95"),
        out / PAGE,
    )


def folder_of(config: DictConfig) -> tuple[Path, Path | None]:
    """The folder of this run, and that of its matrix; None outside of one."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return Path(config.out), None
    return Path(HydraConfig.get().runtime.output_dir), Path(config.out)


def evaluated(config: DictConfig, out: Path) -> tuple[dict[str, Any], list[Judged]]:
    """Everything but the files: the content of `report.json`, and what was shown of each recording."""
    files = recordings_of(Path(config.audio))
    references = references_of(config.reference, files)
    torch.set_num_threads(config.num_threads)
    cast = cast_for(config)
    cast.animator.warm_up()
    stage = Stage(config, cast.animator, out)
    rate = cast.predictor.sample_rate_hz
    heard = {name: load_recording(path, rate) for name, path in files.items()}

    # The engine first, as it would run for a user: what judges it takes memory of its own.
    start_mb = rss_mb()
    played = [stage.recording(name, path) for name, path in files.items()]
    cut_in = interrupted(config, stage, cast, heard)
    clicks = stage.clicks("calibration", config.calibrate_s) if config.calibrate_s else None
    end_mb = rss_mb()

    judged = [
        judge_recording(run.name, run.video, heard[run.name], cast.predictor, references.get(run.name))
        for run in track(played, "looking", console=Console(stderr=True), transient=True)
    ]
    bootstrap = Bootstrap(config.bootstrap_draws, config.seed)
    return {
        "command": " ".join(["python -m scripts.realtime_eval", *_given(sys.argv[1:])]),
        "overrides": list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else [],
        **pooled_record(played, judged, stage.latency, cast.predictor.fps),
        **interruption_record(cut_in),
        **memory_record(played, start_mb, end_mb),
        "calibration": None if clicks is None else calibration_record(clicks[0].video, clicks[1], config.shift_ms),
        "recordings": [
            recording_record(run, seen, files[run.name], cast.predictor.fps)
            for run, seen in zip(played, judged, strict=True)
        ],
        **rows_record(judged, bootstrap, config.shuffle_draws),
        "playout_delay_ms": config.session.timing.playout_delay_ms,
        "algorithmic_latency_ms": cast.predictor.contract.latency_record,
        "chunk_ms": config.chunk_ms,
        "fault": OmegaConf.to_container(config.fault),
        "clock": "virtual" if "clock" in config.clock else "wall",
        "seed": config.seed,
        "inputs": {**cast.inputs(config), "audio": {"path": str(config.audio), "sha256": _hash_of(files.values())}},
        "machine": provenance().to_dict(),
        "config": OmegaConf.to_container(config, resolve=True),
    }, judged


def recordings_of(audio: Path) -> dict[str, Path]:
    """The recordings of `audio`, by name.

    Raises:
        ConfigError: a folder without any, or with two of one name.
    """
    if not audio.is_dir():
        return {audio.stem: audio}
    found = sorted(path for path in audio.iterdir() if path.suffix.lower() in SOUNDS)
    if not found:
        raise ConfigError(f"audio={audio}: no recording in this folder ({', '.join(sorted(SOUNDS))}). Give another.")
    named = {path.stem: path for path in found}
    if len(named) < len(found):
        twice = next(path.name for path in found if named[path.stem] != path)
        raise ConfigError(f"audio={audio}: two recordings are called {Path(twice).stem}. Rename one of them.")
    return named


def references_of(reference: str | None, files: dict[str, Path]) -> dict[str, Motion]:
    """Motion of those who said it, by recording.

    Raises:
        ConfigError: one video for many recordings, or a recording without a video.
        DataError: a video can't be read, or shows no face.
    """
    if reference is None:
        return {}
    given = Path(reference)
    if not given.is_dir() and len(files) > 1:
        raise ConfigError(f"reference={given}: one video for {len(files)} recordings. Give a folder with one for each.")
    videos = {path.stem: path for path in given.iterdir()} if given.is_dir() else dict.fromkeys(files, given)
    missing = sorted(set(files) - set(videos))
    if missing:
        raise ConfigError(f"reference={given}: no video of {', '.join(missing)}. Name each as its recording.")
    return {name: extract_motion(videos[name]) for name in files}


def interrupted(
    config: DictConfig, stage: Stage, cast: Cast, heard: dict[str, Recording]
) -> tuple[Played, list[float]] | None:
    """Play the first recording with barge-ins; None where it is too short or none are wanted.

    Returns:
        The run, and the times of the barge-ins after its start.
    """
    settings, (name, recording) = config.interruptions, next(iter(heard.items()))
    offline = core7_of(cast.predictor.predict(recording.waveform))
    delay_s = config.session.timing.playout_delay_ms / 1000.0
    at_s = barge_ins(offline, delay_s, settings.pause_s, settings.every_s, settings.most)
    if not at_s:
        return None
    return stage.interrupted("interrupted", Path(recordings_of(Path(config.audio))[name]), at_s, settings.pause_s), at_s


def interruption_record(cut_in: tuple[Played, list[float]] | None) -> dict[str, Any]:
    """How soon the mouth was closed, from the written file: `interrupt_ms` and each barge-in."""
    if cut_in is None:
        return {"interrupt_ms": None, "interrupt_ms_reason": "nobody interrupted", "interruptions": []}
    run, at_s = cut_in
    assert run.witness.origin_s is not None, "an interrupted run has frames"
    clears_s = [run.witness.begin_s + one - run.witness.origin_s for one in at_s]
    try:
        timeline, start_s = read_timeline(run.video), load_recording(run.video).start_s
        opening = mouth_opening(run.video, timeline)
        seen = np.isfinite(opening)
        found = interruptions(opening[seen], timeline.times_s[seen] - start_s, clears_s)
    except DataError as error:  # a renderer without a face, for one
        return {"interrupt_ms": None, "interrupt_ms_reason": str(error), "interruptions": []}
    return {
        **measurement_record("interrupt_ms", interruption_ms(found)),
        "interruptions": [
            {
                "clear_s": round(one.clear_s, 4),
                "opening": round(one.opening, 4),
                "closed_ms": None if one.closed_ms is None else round(one.closed_ms, 2),
                "met_open_mouth": one.met_open_mouth,
            }
            for one in found
        ],
    }


def _hash_of(paths: Any) -> str:
    hashes: Sequence[str] = [sha256_of(path) for path in paths]
    return ", ".join(hashes)


def _given(arguments: Sequence[str]) -> list[str]:
    """The command line less what `scripts.entry` added for Hydra."""
    return [argument for argument in arguments if not argument.startswith("hydra")]


if __name__ == "__main__":
    run(main, "realtime_eval", short={"wandb": "wandb.log", "fault": "realtime/fault"})
