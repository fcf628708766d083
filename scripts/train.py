"""Train a motion model on a prepared store.

python -m scripts.train data.store=data/prepared out=runs/first

Writes `best.ckpt` (by `val/lip_r` unless told otherwise), `last.ckpt`, `metrics.csv`, `config.yaml`, `hparams.yaml`
(the same with commit and data hash) and, when all is done, `metrics.json`; with `logger=wandb` or `probe=default` also
a clip to look at, `probe.mp4` and `probe.png`; with `logger=wandb` or `evaluation=val` what `scripts.evaluate` says of
the best checkpoint, in `evaluation/`. docs/tracking.md says what each holds.

Any value of `conf/train.yaml` and its groups can be given; `experiment=<name>` gives several at once.
"""

import hashlib
import logging
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ProgressBar

from scripts.entry import composed, quoted, run
from scripts.judging import Part, judge
from scripts.probe import Probe
from scripts.tracking import export_onnx, is_tracked, log_results
from src.data.datamodule import MotionDataModule, part_facts
from src.data.features import FeatureExtractor
from src.data.speaker_offset import alignment_record
from src.errors import Audio2MotionError, CheckpointError, ConfigError
from src.eval.provenance import commit
from src.files import replacing, sha256_of, write_json
from src.models.checkpoint import Checkpoint, Contract, load_checkpoint
from src.models.motion_module import MotionModule
from src.models.network import MotionNetwork
from src.motion import spec_named

if TYPE_CHECKING:
    from scripts.evaluate import Evaluation

logger = logging.getLogger(__name__)

BEST, LAST, METRICS, CONFIG, ONNX = "best.ckpt", "last.ckpt", "metrics.json", "config.yaml", "best.onnx"
EVALUATION = "evaluation"
"""Folder in the run folder."""


def main(config: DictConfig) -> None:
    """Train, and write the run folder."""
    started = time.monotonic()
    quiet_lightning()
    out = Path(config.out)
    resume_from = checkpoint_to_resume(out, config.resume)
    torch.set_num_threads(config.cpu_threads)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    data, module, contract = build(config)
    probe: Probe | None = instantiate(config.probe) if config.probe else None

    is_debug = bool(config.trainer.get("fast_dev_run"))
    text = config_text(config, out)
    if not is_debug:
        keep_config(text, out)
    trainer = build_trainer(config)
    num_parameters = sum(parameter.numel() for parameter in module.net.parameters())
    logger.info(
        "%s with %d parameters; algorithmic latency %g ms = %s",
        type(module.net).__name__,
        num_parameters,
        contract.latency_ms,
        " + ".join(f"{value:g} ms {name}" for name, value in contract.latency_parts_ms.items()),
    )
    hashes = {"data_hash": data.content_hash, "split_hash": data.split.hash}
    config_sha256 = hashlib.sha256(text.encode()).hexdigest()
    origin = {
        "seed": config.seed, "commit": commit(), **hashes, "guide": data.guide_facts, "config_sha256": config_sha256,
    }  # fmt: skip
    module.origin = origin
    for tracker in trainer.loggers:
        tracker.log_hyperparams({**origin, "config": OmegaConf.to_container(config, resolve=True)})
    if num_parameters:
        trainer.fit(module, data, ckpt_path=resume_from)
    elif not is_debug:
        keep_untrained(trainer, module, data, out)
    if is_debug:
        logger.info("One batch of training and validation ran; a debug run keeps no checkpoint.")
        return
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # the rest is the work of one process
    if not trainer.is_global_zero:
        return

    best = load_checkpoint(out / BEST)
    metrics = {
        "best_epoch": best.epoch,
        "epochs": trainer.current_epoch,
        "monitor": config.callbacks.checkpoint.monitor,
        **judged(best, module, data, ("val", "test") if config.test else ("val",)),
        "num_parameters": num_parameters,
        "latency_ms": contract.latency_record,
        **data_record(data),
        "features_hash": contract.features_hash,
        "spec": contract.spec_name,
        **origin,
        "checkpoint_sha256": sha256_of(out / BEST),
        "seconds": round(time.monotonic() - started, 1),
    }
    write_json(out / METRICS, metrics)
    shown = None if probe is None else probe.make(out / BEST, config.data.store, data.split.val.clip_ids, out)
    log_results(
        trainer.loggers,
        out,
        metrics=metrics,
        best=out / BEST,
        last=out / LAST if (out / LAST).is_file() else None,
        onnx=export_onnx(best, out / ONNX) if is_tracked(trainer.loggers) else None,
        probe=shown,
        evaluation=None if config.evaluation is None else evaluation_of(config, out),
    )
    logger.info(
        "%s: lip_r %.3f on %d clips of %s speakers. %s",
        f"best epoch {best.epoch + 1} of {trainer.current_epoch}" if num_parameters else "a reference, not trained",
        metrics["val/lip_r"],
        len(data.split.val),
        "unseen" if data.split.speaker_disjoint else "the same",
        out / BEST,
    )


def build(config: DictConfig) -> tuple[MotionDataModule, MotionModule, Contract]:
    """The parts of a run: the store is open, and the network knows its statistics and speakers."""
    spec = spec_named(config.spec.name)
    features: FeatureExtractor = instantiate(config.features)
    net: MotionNetwork = instantiate(
        config.models.net,
        in_features=features.row_size,
        feature_layers=features.num_layers,
        out_channels=spec.size,
    )
    # The parts that the run knows are passed to partials: through Hydra they would turn into configs.
    data: MotionDataModule = instantiate(config.data, _partial_=True, _convert_="all")(
        features=features,
        spec=spec,
        context_frames=net.warmup_frames,
        lookahead_frames=net.lookahead_frames,
    )
    data.setup("fit")
    net.standardizer.set_statistics(**vars(data.statistics()))
    net.set_speakers(len(data.speakers))
    known = data.speakers if net.style.style_size else ()
    contract = Contract.of(spec=spec, features=features, net=net, speakers=known)
    training: dict[str, Any] = OmegaConf.to_container(config.models, resolve=True)  # type: ignore[assignment]
    del training["net"]
    module: MotionModule = instantiate(training, _partial_=True, _convert_="all")(net=net, contract=contract)
    return data, module, contract


def judged(best: Checkpoint, module: MotionModule, data: MotionDataModule, parts: Sequence[Part]) -> dict[str, Any]:
    """Figures of a checkpoint on parts of the data: over all clips, per speaker and per clip."""
    judgements = {part: judge(best, module, data, part) for part in parts}
    return {
        **{name: value for judgement in judgements.values() for name, value in judgement.figures.items()},
        "speakers": {part: judgement.speakers for part, judgement in judgements.items()},
        "clips": {part: judgement.clips for part, judgement in judgements.items()},
    }


def evaluation_of(config: DictConfig, out: Path) -> "Evaluation | None":
    """Measure the best checkpoint beside its controls, and write that; None, with a warning, where it can't be done.

    Without the sync expert, which would be trained first.
    """
    from scripts.evaluate import evaluated  # which builds its reference by this script

    given = {
        "checkpoint": quoted(str(out / BEST)),
        "data.store": quoted(str(config.data.store)),
        "split": config.evaluation,
        "out": quoted(str(out / EVALUATION)),
        "seed": config.seed,
        "eval.sync_expert": "null",
    }
    if config.data.cache is not None:
        given["data.cache"] = quoted(str(config.data.cache))
    overrides = [f"{key}={value}" for key, value in given.items()]
    try:
        evaluation = evaluated(composed("evaluate", overrides), " ".join(["python -m scripts.evaluate", *overrides]))
    except Audio2MotionError as error:  # the run is whole without it
        logger.warning("No evaluation of the best checkpoint. %s", error)
        return None
    evaluation.write(out / EVALUATION)
    return evaluation


def data_record(data: MotionDataModule) -> dict[str, Any]:
    """What was trained, validated and tested on."""
    return {
        "train": part_facts(data.split.train),
        "val": part_facts(data.split.val),
        "test": part_facts(data.split.test),
        "speaker_disjoint": data.split.speaker_disjoint,
        "aligned_speakers": alignment_record(data.offsets),
    }


def keep_untrained(trainer: pl.Trainer, module: MotionModule, data: MotionDataModule, out: Path) -> None:
    """Write the checkpoint of a reference, which has nothing to learn."""
    trainer.validate(module, data, verbose=False)
    trainer.save_checkpoint(out / BEST)


def build_trainer(config: DictConfig) -> pl.Trainer:
    """The Lightning trainer with the callbacks and loggers of the configuration; null ones are left out."""
    callbacks = [instantiate(part) for part in (config.callbacks or {}).values() if part is not None]
    loggers = [instantiate(part) for part in (config.logger or {}).values() if part is not None]
    # Lightning would add a progress bar of its own where the configuration has none.
    shows = any(isinstance(callback, ProgressBar) for callback in callbacks)
    trainer: pl.Trainer = instantiate(config.trainer, callbacks=callbacks, logger=loggers, enable_progress_bar=shows)
    return trainer


def checkpoint_to_resume(out: Path, resume: bool) -> Path | None:
    """Decide what to do with a folder that may hold a run.

    Raises:
        ConfigError: it does, and `resume` was not asked for; or it is finished.
        CheckpointError: there is nothing to resume from.
    """
    if resume:
        if not (out / LAST).is_file():
            raise CheckpointError(
                f"{out}: no {LAST} to resume from. Leave out `resume=true` to start a new run there, or check `out`."
            )
        return out / LAST
    found = [name for name in (METRICS, BEST, LAST) if (out / name).exists()]
    if found:
        raise ConfigError(
            f"{out}: already holds a run ({', '.join(found)}). Continue it with `resume=true`, "
            "or give another folder as `out`."
        )
    return None


def config_text(config: DictConfig, out: Path) -> str:
    """What `config.yaml` holds: every value, with nothing left to look up.

    A run that goes on unchanged keeps its file as it is, although `resume` differs: its checkpoints name it by hash.
    """
    text = str(OmegaConf.to_yaml(config, resolve=True))
    if config.resume and (out / CONFIG).is_file():
        before = (out / CONFIG).read_text("utf-8")
        if {**_values(before), "resume": True} == _values(text):
            return before
    return text


def keep_config(text: str, out: Path) -> None:
    """Write `config.yaml`. That of a run that now goes on differently stays as `config-<hash>.yaml`."""
    path = out / CONFIG
    if path.is_file() and path.read_text("utf-8") != text:
        with replacing(out / f"config-{sha256_of(path)[:8]}.yaml") as unfinished:
            unfinished.write_bytes(path.read_bytes())
    with replacing(path) as unfinished:
        unfinished.write_text(text, "utf-8", newline="\n")


def _values(text: str) -> dict[str, Any]:
    values: dict[str, Any] = OmegaConf.to_container(OmegaConf.create(text))  # type: ignore[assignment]
    return values


def quiet_lightning() -> None:
    """Silence what Lightning says about things that are meant: our run folder, short epochs, its own advertising."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (".*exists and is not empty", ".*smaller than the logging interval", ".*does not have many workers"):
        warnings.filterwarnings("ignore", message)
    warnings.filterwarnings("ignore", ".*LeafSpec.*")


if __name__ == "__main__":
    run(main, "train")
