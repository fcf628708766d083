"""The rows of an evaluation: a model, what is as good as can be, and what it has to beat.

Part of `scripts.evaluate`. A row that can't be had is named with the reason, and nothing takes its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf, open_dict

from scripts.entry import composed, quoted
from scripts.evaluating import Material, RunData, predicted
from scripts.train import build
from src.data.noise_floor import floors_of, noise_floors
from src.data.split import TRAIN
from src.eval.cases import Case
from src.eval.controls import Row, model_row, noise_row, shifted_row, shuffled_row, still_row, truth_row
from src.models.checkpoint import Checkpoint, Contract
from src.models.motion_model import MotionModel, TorchModel

_WITH_ENVELOPE = ("src.data.features.LogMel", "src.data.features.Mfcc")
"""Features that `SpeechEnergy` finds the loudness in."""

ENERGY = (
    "energy",
    "Energy",
    "The loudness of the sound opens the mouth, the rest stays at its mean (conf/models/energy.yaml): statistics of "
    "the training part, nothing is learned.",
)


@dataclass
class Absences:
    """What an evaluation could not measure."""

    items: list[dict[str, str]] = field(default_factory=list)

    def add(self, id: str, label: str, reason: str) -> None:
        """Name a row or a column, and say why it is not there."""
        self.items.append({"id": id, "label": label, "reason": reason})


@dataclass(frozen=True, eq=False)
class Reference:
    """The `energy` reference of a store.

    Attributes:
        model: ready to predict.
        mean: (F,) of the motion of the training part.
    """

    model: MotionModel
    mean: NDArray[np.float32]


def all_rows(
    config: DictConfig, material: Material, model: MotionModel, run: RunData, path: Path, absent: Absences
) -> list[Row]:
    """Every row that can be had, ceilings before controls.

    Args:
        config: of the script.
        material: the clips.
        model: that is evaluated.
        run: how the clips are taken.
        path: of the model's file.
        absent: told of the others.
    """
    cases = predicted(material, model, "motion of the model")
    contract = model.contract
    rows = [
        model_row(cases, "Model", f"{path.name}: its motion for the whole clip, without look at the truth."),
        truth_row(cases),
    ]
    floors = noise_floors(material.store.folder)
    known = {} if floors is None else floors_of(floors, contract.spec)
    if known:
        rows.append(noise_row(cases, known, config.seed))
    else:
        reason = (
            f"the store has no label noise: `python -m scripts.data_card store={material.store.folder.as_posix()}` "
            "measures it where labels come from videos; synthetic speech has none"
        )
        absent.add("noise_floor", "Label noise floor", reason)
    reference = energy_reference(config, material, contract, run, absent)
    if reference is not None:
        energy = predicted(material, reference.model, "motion of the energy reference")
        id, label, definition = ENERGY
        rows.append(Row(id, label, "control", definition, [_cut(energy, cases)]))
    pose = mean_pose(model, reference)
    if pose is None:
        absent.add(
            "mean_pose", "Mean pose", "the file of the model does not hold it, and the store has no training part"
        )
    else:
        rows.append(still_row(cases, pose))
    rows.append(shuffled_row(cases, draws=config.eval.shuffle_draws, seed=config.seed))
    return rows + [shifted_row(cases, shift_ms) for shift_ms in config.eval.shifts_ms]


def energy_reference(
    config: DictConfig, material: Material, contract: Contract, run: RunData, absent: Absences
) -> Reference | None:
    """The reference that nothing was learned for, from the training part of the store; None where there is none."""
    if TRAIN not in material.store.clips.column("split"):
        absent.add(ENERGY[0], ENERGY[1], "the store has no training part to take its statistics from")
        return None
    data, module, known = build(energy_config(config, contract, run))
    checkpoint = Checkpoint(module.net.eval(), known, Path(f"{ENERGY[0]}.ckpt"), 0)
    return Reference(TorchModel(checkpoint), data.statistics().motion_mean.numpy())


def energy_config(config: DictConfig, contract: Contract, run: RunData) -> DictConfig:
    """What `scripts.train models=energy` composes, with the features of a model where they have an envelope."""
    given = {"out": "unused", "spec": contract.spec_name, "data.store": quoted(config.data.store), "models": ENERGY[0]}
    training = composed("train", [f"{key}={value}" for key, value in given.items()])
    with open_dict(training):
        if contract.features.get("_target_") in _WITH_ENVELOPE:
            training.features = OmegaConf.create(dict(contract.features))
        training.data.cache = config.data.cache
        training.data.val_speakers = list(run.val_speakers)
        training.data.alignment = run.alignment
    return training


def mean_pose(model: MotionModel, reference: Reference | None) -> NDArray[np.float32] | None:
    """The mean motion that a model was trained on; of an exported file, that of the store's training part."""
    if isinstance(model, TorchModel):
        mean: NDArray[np.float32] = model.net.standardizer.motion_mean.numpy()
        return mean
    return None if reference is None else reference.mean


def _cut(cases: Sequence[Case], like: Sequence[Case]) -> list[Case]:
    """Cases over the frames of others of the same clips."""
    return [
        other.predicting(case.predicted.values[: len(other.reference)]) for case, other in zip(cases, like, strict=True)
    ]


def facts_of(path: Path, sha256: str, contract: Contract, origin: dict[str, Any] | None) -> dict[str, Any]:
    """What a record says about the model."""
    return {
        "path": path.as_posix(),
        "sha256": sha256,
        "spec": contract.spec_name,
        "features": contract.features.get("_target_", ""),
        "features_hash": contract.features_hash,
        "lookahead_frames": contract.lookahead_frames,
        "latency_ms": contract.latency_record,
        "speakers": len(contract.speakers),
        "origin": origin,
    }
