"""Train a smaller LivePortrait from the official one, for machines that are too slow for it.

python -m scripts.distill_renderer weights=models/liveportrait portraits=<folder> out=runs/student

A narrower W and G (`student=liveportrait_small`, or other sizes: `student.spade_generator.width=192`) learn what the
official ones give for random poses and expressions of the portraits. Writes `best.ckpt`, `last.ckpt`, `metrics.csv`,
`config.yaml`, `metrics.json` with operations and time of teacher and student, and `weights/`: a folder in the official
layout with the student's W and G beside the teacher's other files. It is used like the official one, with its sizes:

python -m scripts.render render=liveportrait render/networks@render.engine.networks=liveportrait_small \
    render.engine.weights=runs/student/weights ...
"""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from scripts.benchmark_liveportrait import GENERATOR, WARPING, counted, timed
from scripts.benchmark_render import PICTURES
from scripts.entry import run
from scripts.make_avatar import avatar_from_picture
from scripts.train import (
    BEST,
    METRICS,
    build_trainer,
    checkpoint_to_resume,
    config_text,
    keep_config,
    quiet_lightning,
)
from src.errors import ConfigError, RenderError
from src.eval.provenance import commit
from src.files import replacing, sha256_of, write_json
from src.render.avatar import Avatar
from src.render.avatar_archive import SUFFIX
from src.render.avatar_schema import DESCRIPTION
from src.render.cropping import MINIMUM_FACE_PX
from src.render.liveportrait.crop import SOURCE, face_rectangle, network_crop
from src.render.liveportrait.distillation import FrozenNetworks, RendererDistillation
from src.render.liveportrait.distillation_motion import MotionRanges, RandomMotion
from src.render.liveportrait.finishing import Correctors, Portrait
from src.render.liveportrait.keypoints import motion_of
from src.render.liveportrait.openings import openings_of
from src.render.liveportrait.pictures import network_input
from src.render.liveportrait.renderer import cut_reflected
from src.render.liveportrait.weights import FILES, find_weights, load_weights
from src.render.portrait import load_portrait

logger = logging.getLogger(__name__)

WEIGHTS, CONTRACT_VERSION = "weights", 1


def main(config: DictConfig) -> None:
    """Train, and write the run folder."""
    quiet_lightning()
    out = Path(config.out)
    resume_from = checkpoint_to_resume(out, config.resume)
    torch.set_num_threads(config.cpu_threads)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    student = {name: instantiate(config.student[name], _convert_="all") for name in (WARPING, GENERATOR)}
    teacher: dict[str, nn.Module] = instantiate(config.teacher, _convert_="all")
    load_weights(teacher, Path(config.weights))
    contract = contract_of(config)
    module = distillation(config, student, teacher, contract)
    trainer = build_trainer(config)
    keep_config(config_text(config, out), out)
    trainer.fit(module, counting(config.steps_per_epoch), counting(config.val_steps), ckpt_path=resume_from)
    best = torch.load(out / BEST, map_location="cpu", weights_only=True)
    weights = student_weights(best["state_dict"])
    for name, network in student.items():
        network.load_state_dict(weights[name])
        network.eval().requires_grad_(False)
    write_weights(weights, Path(config.weights), out / WEIGHTS)
    cost = costs(module.teacher, frozen(student, module.teacher.sources.volume, module.motion.keypoints), config)
    write_json(
        out / METRICS,
        {
            "best_epoch": int(best["epoch"]),
            "epochs": trainer.current_epoch,
            "best_val_loss": float(trainer.checkpoint_callback.best_model_score),  # type: ignore[union-attr]
            "cost": cost,
            "checkpoint_sha256": sha256_of(out / BEST),
            "device": str(module.device),
            "torch": torch.__version__,
            **contract,
        },
    )
    logger.info(
        "the student does %.0f%% of the teacher's operations in %.0f%% of its time. %s",
        100 * cost["operations_ratio"],
        100 * cost["time_ratio"],
        out / WEIGHTS,
    )


def contract_of(config: DictConfig) -> dict[str, Any]:
    """What the student is, what it was made from and how, in plain types."""
    paths = find_weights(Path(config.weights))
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return {
        "version": CONTRACT_VERSION,
        "networks": {name: plain["student"][name] for name in (WARPING, GENERATOR)},
        "teacher_sha256": {path.stem: sha256_of(path) for path in dict.fromkeys(paths.values())},
        "portraits": str(config.portraits),
        **{name: plain[name] for name in ("motion", "losses", "seed")},
        "commit": commit(),
    }


def distillation(
    config: DictConfig,
    student: Mapping[str, nn.Module],
    teacher: Mapping[str, nn.Module],
    contract: Mapping[str, Any],
) -> RendererDistillation:
    """The module, with all that follows from the portraits computed.

    Raises:
        ConfigError: there are no portraits, or student and teacher don't fit together.
    """
    heads: Any = [teacher[name] for name in ("stitching", "eye", "lip")]
    volumes, portraits = [], []
    for avatar in avatars_in(Path(config.portraits), config.size):
        volume, portrait = seen(avatar, teacher)
        volumes.append(volume)
        portraits.append(portrait)
    motion = RandomMotion(portraits, Correctors(*heads), MotionRanges(**config.motion))
    return RendererDistillation(
        warping=student[WARPING],  # type: ignore[arg-type]
        generator=student[GENERATOR],  # type: ignore[arg-type]
        teacher=frozen(teacher, torch.cat(volumes), motion.keypoints),
        motion=motion,
        losses=dict(config.losses),
        batch_size=config.batch_size,
        seed=config.seed,
        contract=contract,
        optimizer=instantiate(config.optimizer),
        schedule=instantiate(config.schedule),
    )


def frozen(networks: Mapping[str, nn.Module], volumes: Tensor, keypoints: Tensor) -> FrozenNetworks:
    """W and G as they are used."""
    warping: Any = networks[WARPING]
    generator: Any = networks[GENERATOR]
    return FrozenNetworks(warping.cpu(), generator.cpu(), volumes.cpu(), keypoints.cpu())


def counting(count: int) -> DataLoader[int]:
    """A loader of as many steps: what they are about follows from their number."""
    return DataLoader(range(count), batch_size=1)  # type: ignore[arg-type]


def avatars_in(folder: Path, size: int) -> list[Avatar]:
    """Avatars of a folder, and of its pictures; one that can't be used is left out with a warning.

    Raises:
        ConfigError: there are none.
    """
    avatars = []
    for path in sorted(folder.glob("*")):
        try:
            if path.suffix == SUFFIX or (path / DESCRIPTION).is_file():
                avatars.append(Avatar.load(path))
            elif path.suffix.lower() in PICTURES:
                avatars.append(avatar_from_picture(load_portrait(path), size, path.name, MINIMUM_FACE_PX))
        except RenderError as error:
            logger.warning("left out. %s", error)
    if not avatars:
        raise ConfigError(f"portraits={folder}: no avatar and no picture that can be used. Name a folder of them.")
    logger.info("%d portraits of %s", len(avatars), folder)
    return avatars


@torch.no_grad()
def seen(avatar: Avatar, teacher: Mapping[str, nn.Module]) -> tuple[Tensor, Portrait]:
    """The volume of an avatar, and its face, as F and M see them."""
    crop = cut_reflected(avatar.image, face_rectangle(avatar.landmarks[:, :2], SOURCE), upright=True)
    image, openings = network_input(network_crop(crop)), openings_of(avatar.landmarks)
    portrait = Portrait(
        motion_of(teacher["motion_extractor"](image)), torch.tensor([openings.eyes]), torch.tensor([[openings.lips]])
    )
    return teacher["appearance_feature_extractor"](image), portrait


def student_weights(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The state dicts of W and G in that of a checkpoint."""
    return {
        name: {key.removeprefix(f"{name}."): tensor for key, tensor in state.items() if key.startswith(f"{name}.")}
        for name in (WARPING, GENERATOR)
    }


def write_weights(weights: Mapping[str, Mapping[str, Tensor]], teacher: Path, out: Path) -> None:
    """A folder in the official layout: the student's W and G, and the teacher's other files."""
    for name, path in find_weights(teacher).items():
        if name in weights:
            target = out / f"{FILES[name].path}.safetensors"
            with replacing(target) as unfinished:
                save_file({key: tensor.contiguous() for key, tensor in weights[name].items()}, unfinished)
        else:
            with replacing(out / path.relative_to(teacher)) as unfinished:
                shutil.copyfile(path, unfinished)


def costs(teacher: FrozenNetworks, student: FrozenNetworks, config: DictConfig) -> dict[str, Any]:
    """Operations and time of one frame by both, folded as they are used."""
    device = teacher.sources.volume.device
    student.to(device)
    first, keypoints = torch.zeros(1, dtype=torch.int64, device=device), teacher.sources.keypoints[:1]
    calls = {
        "teacher": lambda: teacher.draw(first, keypoints).image,
        "student": lambda: student.draw(first, keypoints).image,
    }
    times = timed("cost", calls, device, config.cost.warm_up, config.cost.repetitions)
    decides = 0 if device.type == "cuda" else 1
    seconds = {name: float(np.median([row[decides] for row in rows])) for name, rows in times.items()}
    operations = {name: counted(call) for name, call in calls.items()}
    return {
        "gflop_per_frame": {name: round(count, 3) for name, count in operations.items()},
        "ms_per_frame": {name: round(1000 * value, 2) for name, value in seconds.items()},
        "decided_by": "wall clock" if device.type == "cuda" else "processor time",
        "operations_ratio": round(operations["student"] / operations["teacher"], 4),
        "time_ratio": round(seconds["student"] / seconds["teacher"], 4),
    }


if __name__ == "__main__":
    run(main, "distill_renderer")
