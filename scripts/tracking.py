"""What a run leaves with Weights & Biases besides its curves: figures, probe, evaluation, files that know their origin.

Part of `scripts.train`; docs/tracking.md says what a reviewer finds where. Nothing here needs a network: without
`WANDB_API_KEY` the same is kept under `<out>/wandb`, for `wandb sync` later. Of the data only hashes and counts are
told, never a clip; what is heard and seen of them is the probe, and lip curves of the evaluation.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from scripts.probe import ProbeResult
from scripts.wandb_tables import evaluation_media, evaluation_summary
from src.errors import CheckpointError, ConfigError
from src.files import sha256_of, write_json
from src.models.checkpoint import Checkpoint, load_checkpoint
from src.models.export import FP32, export_step

if TYPE_CHECKING:
    from wandb import Artifact
    from wandb.sdk.wandb_run import Run

    from scripts.evaluate import Evaluation

logger = logging.getLogger(__name__)

DATA = "data.json"

_NAMED_PEOPLE = ("clips", "speakers", "aligned_speakers")
"""Parts of `metrics.json` that stay at home."""


def is_offline() -> bool:
    """Whether a run is kept on the disk: there is no key to send it with."""
    return not os.environ.get("WANDB_API_KEY")


def imported_wandb(instead: str) -> ModuleType:
    """W&B, for a script with `wandb=true`.

    Args:
        instead: where the same is without it, such as "the report is in <folder>".

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import wandb
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"wandb=true: {error.name} is not installed. Install it: `pip install -e '.[wandb]'`, or leave it out; "
            f"{instead} without it."
        ) from error
    return wandb


def run_id(out: str, resume: bool) -> str | None:
    """The id under which a resumed run goes on; None for a new run.

    Args:
        out: the run folder; W&B keeps folders named `[offline-]run-<time>-<id>` in its `wandb`.
        resume: whether training goes on in it.
    """
    if not resume:
        return None
    runs = [folder for folder in Path(out, "wandb").glob("*run-*-*") if folder.is_dir() and not folder.is_symlink()]
    newest = max(runs, key=lambda folder: folder.name.removeprefix("offline-"), default=None)
    return None if newest is None else newest.name.rpartition("-")[2]


OmegaConf.register_new_resolver("wandb_offline", is_offline, replace=True)
OmegaConf.register_new_resolver("wandb_id", run_id, replace=True)


def is_tracked(loggers: Sequence[Logger]) -> bool:
    """Whether W&B is among the loggers."""
    return any(isinstance(tracker, WandbLogger) for tracker in loggers)


def export_onnx(checkpoint: Checkpoint, path: Path) -> Path | None:
    """Export the step model for `log_results`; None, with a warning, where that can't be done."""
    try:
        export_step(checkpoint, path, FP32)
    except (CheckpointError, ConfigError) as error:  # it reads from both ends; or the extra `export` is missing
        logger.warning("No ONNX model beside the checkpoint. %s", error)
        return None
    return path


@rank_zero_only
def log_results(
    loggers: Sequence[Logger],
    out: Path,
    *,
    metrics: Mapping[str, Any],
    best: Path,
    last: Path | None,
    onnx: Path | None,
    probe: ProbeResult | None,
    evaluation: "Evaluation | None",
) -> None:
    """Give a finished run's results to W&B and end its run there; without `logger=wandb` do nothing.

    The summary becomes `metrics`: figures of the best checkpoint instead of the last epoch's. Artifacts: the data by
    their hashes, as what the run used; `last` as `latest` and `best` as `best` of the run's checkpoints; `onnx` as
    both. Each says in its metadata what it was made from, by name and SHA-256.

    Args:
        loggers: of the trainer.
        out: the run folder; `data.json` appears there.
        metrics: what `metrics.json` holds.
        best, last, onnx: files of the run, not to change afterwards; None for those that it lacks.
        probe: what `scripts.probe` made.
        evaluation: of `best`.
    """
    for run in (tracker.experiment for tracker in loggers if isinstance(tracker, WandbLogger)):
        run.summary.update({name: value for name, value in metrics.items() if name not in _NAMED_PEOPLE})
        if probe is not None:
            _log_probe(run, probe)
        if evaluation is not None:
            run.log(evaluation_media(evaluation))
            run.summary.update(evaluation_summary(evaluation.record))
        _log_artifacts(run, out, metrics=metrics, best=best, last=last, onnx=onnx)
        folder = Path(run.dir).parent
        run.finish()
        if run.offline:
            logger.info("W&B run kept on the disk; send it with `wandb sync %s`", folder)


def _log_probe(run: "Run", probe: ProbeResult) -> None:
    import wandb

    caption = f"{probe.clip_id}: prediction left, reference right"
    run.log(
        {
            "probe/video": wandb.Video(str(probe.video), caption=caption, format="mp4"),
            "probe/lips": wandb.Image(str(probe.picture)),
            "probe/lip_r": probe.lip_r.value,
            "probe/lip_std_ratio": probe.lip_std_ratio.value,
        }
    )


def _log_artifacts(
    run: "Run", out: Path, *, metrics: Mapping[str, Any], best: Path, last: Path | None, onnx: Path | None
) -> None:
    contract = load_checkpoint(best).contract
    origin = {name: metrics[name] for name in ("commit", "seed", "data_hash", "split_hash", "features_hash", "guide")}
    told = {"contract": {**contract.to_dict(), "speakers": len(contract.speakers)}, **origin}

    facts = ("data_hash", "split_hash", "spec", "train", "val", "test", "speaker_disjoint")
    write_json(out / DATA, {name: metrics[name] for name in facts})
    data_name, data = f"data-{metrics['data_hash'][:12]}", {name: metrics[name] for name in facts}
    use_artifact(run, file_artifact(data_name, "dataset", out / DATA, data))

    made_from = {"data": data_name, "data_hash": metrics["data_hash"]}
    name = f"checkpoint-{run.id}"
    figures = {key: value for key, value in metrics.items() if key.startswith("val/")}
    checkpoint = {**told, "made_from": made_from, "epoch": metrics["best_epoch"], **figures}
    # W&B gives `latest` to whatever is logged, so that the last one keeps it.
    run.log_artifact(file_artifact(name, "model", best, checkpoint), aliases=["best", "latest"])
    if last is not None:
        run.log_artifact(file_artifact(name, "model", last, {**told, "made_from": made_from}), aliases=["latest"])
    if onnx is not None:
        made_from = {"checkpoint": f"{name}:best", "checkpoint_sha256": sha256_of(best), **made_from}
        exported = {**told, "made_from": made_from, **figures}
        run.log_artifact(file_artifact(f"onnx-{run.id}", "onnx", onnx, exported), aliases=["best", "latest"])


def file_artifact(name: str, kind: str, file: Path, metadata: Mapping[str, Any]) -> "Artifact":
    """One file, taken from where it lies, that says its SHA-256.

    Args:
        name, kind: of the artifact.
        file: not to change before it is sent.
        metadata: what else to say of it.
    """
    import wandb

    artifact = wandb.Artifact(name, type=kind, metadata={**metadata, "sha256": sha256_of(file)})
    artifact.add_file(str(file.resolve()), policy="immutable")  # sent later, perhaps from another folder
    return artifact


def use_artifact(run: "Run", artifact: "Artifact") -> None:
    """Log an artifact as something that the run was made from."""
    if run.offline:
        # `use_artifact` refuses to work offline, because it waits for the server. This is what it does before that;
        # `wandb sync` then logs the artifact and marks it as used.
        run._log_artifact(artifact, aliases=["latest"], is_user_created=True, use_after_commit=True)
    else:
        run.use_artifact(artifact, aliases=["latest"])
