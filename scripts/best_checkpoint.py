"""Which file `checkpoint=<name>` means.

- a path: that file
- `default`: the model that comes with the program
- `best`: what `python -m scripts.leaderboard <sweep dir>` named last in this working directory, or else `default`
- a sweep folder: its own best
- `wandb:<entity>/<project>/<artifact>:<alias>`: a checkpoint that a run logged to W&B, downloaded

A leaderboard names its winner in `<sweep dir>/best.json`, and `outputs/best.json` points there. Both hold the SHA-256
of the checkpoint: one that is not what was judged is refused.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from src.errors import CheckpointError
from src.files import sha256_of, write_json
from src.models.motion_model import DEFAULT, model_path

logger = logging.getLogger(__name__)

BEST = "best"
"""Stands for the checkpoint that was named best."""

BEST_FILE = "best.json"
"""Of a sweep folder."""

POINTER = Path("outputs") / BEST_FILE
"""Where a leaderboard says which sweep was the last; relative to the working directory."""

OmegaConf.register_new_resolver("best_pointer", lambda: POINTER.as_posix(), replace=True)

WANDB, WANDB_FOLDER = "wandb:", Path("outputs") / "wandb_artifacts"

_ARTIFACT = re.compile(r"[^/:]+/[^/:]+/[^/:]+:[^/:]+")
_MODELS = (".ckpt", ".onnx")


def resolve(name: Path | str, *, pointer: Path = POINTER) -> Path:
    """The file that `checkpoint=<name>` means; see the top of this module.

    Args:
        name: what the user gave.
        pointer: where `best` is looked up.

    Returns:
        A path. Of a path that was given nothing is checked; whoever loads it does.

    Raises:
        CheckpointError: a checkpoint was named best but is gone or was changed; a folder names none; or an artifact
            can't be had.
    """
    text = str(name)
    if text.startswith(WANDB):
        return downloaded(text.removeprefix(WANDB))
    if text == BEST and not pointer.is_file():
        logger.info(
            "No checkpoint was named best here (%s is missing): this is the model of the program, trained on synthetic "
            "speech. `python -m scripts.leaderboard <sweep dir>` names one.",
            pointer,
        )
        return model_path(DEFAULT)
    if text == BEST:
        return _named(pointer, "checkpoint=best")
    if Path(text).is_dir():
        if not (Path(text) / BEST_FILE).is_file():
            raise CheckpointError(
                f"{text}: a folder without {BEST_FILE}, so that none of its checkpoints is the best. Run "
                f"`python -m scripts.leaderboard {text}` if it holds a sweep, or give a file: `checkpoint=<best.ckpt>`."
            )
        return _named(Path(text) / BEST_FILE, text)
    return model_path(text)


def name_best(sweep: Path, record: Mapping[str, Any], pointer: Path | None) -> None:
    """Write `best.json` of a sweep and let `checkpoint=best` mean it.

    Args:
        sweep: folder of the sweep.
        record: with `checkpoint`, relative to the sweep, and its `sha256`; and what else is known of it.
        pointer: the file that `best` is looked up in; None leaves it as it is.
    """
    write_json(sweep / BEST_FILE, record)
    if pointer is not None:
        folder = pointer.parent.resolve()
        there = {"checkpoint": sweep.resolve() / record["checkpoint"], "sweep": sweep.resolve()}
        write_json(
            pointer,
            {
                **record,
                **{key: Path(os.path.relpath(path, folder)).as_posix() for key, path in there.items()},
            },
        )


def downloaded(reference: str, into: Path = WANDB_FOLDER) -> Path:
    """The model of a W&B artifact, downloaded unless this version lies there already.

    Args:
        reference: `<entity>/<project>/<artifact>:<alias>`, such as `me/audio2motion/checkpoint-1x2y3z:best`.
        into: folder of downloads.

    Raises:
        CheckpointError: it is no such reference; W&B is not installed, knows no key, can't be reached or has no such
            artifact; or what it sent is no model or not the one that was logged.
    """
    if not _ARTIFACT.fullmatch(reference):
        raise CheckpointError(
            f"checkpoint={WANDB}{reference}: not the name of an artifact. "
            f"Give `checkpoint={WANDB}<entity>/<project>/<artifact>:<alias>`, as on the artifact's page."
        )
    try:
        import wandb
    except ImportError as error:
        raise CheckpointError(
            f"checkpoint={WANDB}{reference}: W&B is not installed. `pip install -e '.[wandb]'`, "
            "or give a file of yours: `checkpoint=<best.ckpt>`."
        ) from error
    try:
        artifact = wandb.Api().artifact(reference)
        folder = Path(artifact.download(root=str(into / _folder_name(reference, artifact.version))))
    except (wandb.errors.Error, ValueError, OSError) as error:  # no key, no network, no such artifact
        raise CheckpointError(
            f"checkpoint={WANDB}{reference}: W&B did not give it ({error}). Check the name, the network and the key "
            "(WANDB_API_KEY, or `wandb login`), or give a file of yours: `checkpoint=<best.ckpt>`."
        ) from error
    files = sorted(file for file in folder.rglob("*") if file.suffix in _MODELS)
    if len(files) != 1:
        held = ", ".join(sorted(file.name for file in folder.rglob("*") if file.is_file())) or "nothing"
        raise CheckpointError(
            f"checkpoint={WANDB}{reference}: the artifact holds {held}, not one {' or '.join(_MODELS)} file. "
            "Give the artifact of a checkpoint: `checkpoint-<run>:best`."
        )
    stated = artifact.metadata.get("sha256")
    if stated is not None and sha256_of(files[0]) != stated:
        raise CheckpointError(
            f"{files[0]}: not the file that was logged (its SHA-256 is not {stated[:12]}...). "
            f"Delete {folder} and try again."
        )
    logger.info("checkpoint=%s%s is %s", WANDB, reference, files[0])
    return files[0]


def _named(record_path: Path, asked: str) -> Path:
    """The checkpoint that a record names, if it is still what was judged."""
    again = "Run `python -m scripts.leaderboard <sweep dir>` again, or give a file: `checkpoint=<best.ckpt>`."
    try:
        record = json.loads(record_path.read_text("utf-8"))
        checkpoint, sha256 = record_path.parent.resolve() / record["checkpoint"], str(record["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{asked}: {record_path} is damaged ({type(error).__name__}: {error}). {again}"
        ) from error
    checkpoint = Path(os.path.normpath(checkpoint))
    if checkpoint.is_relative_to(Path.cwd()):
        checkpoint = checkpoint.relative_to(Path.cwd())
    if not checkpoint.is_file():
        raise CheckpointError(f"{asked}: {record_path} names {checkpoint}, which is gone. {again}")
    if sha256_of(checkpoint) != sha256:
        raise CheckpointError(
            f"{asked}: {checkpoint} was changed since {record_path} named it: its SHA-256 is not {sha256[:12]}... "
            + again
        )
    logger.info("%s is %s%s", asked, checkpoint, f" ({record['label']})" if record.get("label") else "")
    return checkpoint


def _folder_name(reference: str, version: str) -> str:
    """Of one version of an artifact: an alias moves, a version does not."""
    return f"{reference.rpartition(':')[0]}-{version}".replace("/", "--")
