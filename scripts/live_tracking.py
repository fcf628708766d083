"""What an evaluation of the live engine leaves with Weights & Biases: its figures, linked to the checkpoint.

Part of `scripts.realtime_eval`, with `wandb=true`. As a training's, a run without `WANDB_API_KEY` is kept on the disk,
in `<out>/wandb`. Recordings and faces stay at home: no name, no sound and no picture of them is logged.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from scripts.best_checkpoint import WANDB
from scripts.tracking import file_artifact, imported_wandb, is_offline, run_id, use_artifact
from scripts.wandb_tables import live_media

if TYPE_CHECKING:
    from wandb.sdk.wandb_run import Run

logger = logging.getLogger(__name__)

JOB_TYPE = "realtime_eval"

FIGURES = (
    "fps", "deadline_miss_rate", "first_frame_ms", "av_offset_ms", "drift_ms_per_hour", "interrupt_ms",
    "silence_stability", "lip_r_offline", "rss_mb_start", "rss_mb_end", "stream_seconds", *("dropped", "repeated"),
)  # fmt: skip
"""Keys of the record that become the summary, as `live/<key>`."""


def log_live(config: DictConfig, record: Mapping[str, Any], out: Path) -> None:
    """Log an evaluation as a run that used its checkpoint.

    Args:
        config: of the script; `wandb.project` and `wandb.entity`.
        record: what `report.json` holds.
        out: folder of the run; W&B keeps its files there.

    Raises:
        ConfigError: W&B is not installed.
    """
    wandb = imported_wandb(f"the report is in {out}")
    checkpoint = record["inputs"]["checkpoint"]
    run = wandb.init(
        project=config.wandb.project,
        entity=config.wandb.entity,
        job_type=JOB_TYPE,
        name=f"live: {Path(checkpoint['path']).name}",
        tags=[JOB_TYPE, record["clock"]],
        dir=str(out),
        mode="offline" if is_offline() else None,
        config={
            "overrides": [one for one in record["overrides"] if not one.startswith(_AT_HOME)],
            "clock": record["clock"],
            "checkpoint_sha256": checkpoint["sha256"],
            "avatar_sha256": record["inputs"]["avatar"]["sha256"],
            "audio_sha256": record["inputs"]["audio"]["sha256"],
            "commit": record["machine"]["commit"],
            "seed": record["seed"],
        },
        settings=wandb.Settings(silent=True),
    )
    run.log(live_media(record))
    latency = {f"live/latency_{name}_ms": value for name, value in (record["latency_ms"] or {}).items()}
    calibrated = {} if record["calibration"] is None else {"live/calibrated": record["calibration"]["is_right"]}
    run.summary.update({**{f"live/{name}": record[name] for name in FIGURES}, **latency, **calibrated})
    _use_checkpoint(run, str(config.checkpoint), Path(checkpoint["path"]))
    folder = Path(run.dir).parent
    run.finish()
    if run.offline:
        logger.info("W&B run kept on the disk; send it with `wandb sync %s`", folder)


def _use_checkpoint(run: "Run", given: str, path: Path) -> None:
    """Link the run to the artifact of its checkpoint: that of its training, where that was tracked."""
    if given.startswith(WANDB) and not run.offline:
        run.use_artifact(given.removeprefix(WANDB))
        return
    trained_as = run_id(str(path.parent), resume=True)
    # The same file under the same name is the same artifact: W&B finds the one that the training logged.
    name = f"checkpoint-{trained_as}" if trained_as is not None else f"checkpoint-{path.stem}"
    use_artifact(run, file_artifact(name, "model", path, {}))


_AT_HOME = ("audio=", "reference=", "out=", "avatar=")
"""Overrides that name people or places."""
