"""A trained sync expert: one file with the network, what it expects, and how good it is."""

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from src.errors import Audio2MotionError, CheckpointError, MotionError
from src.eval.sync_expert.clips import clip_curve, sync_clip
from src.eval.sync_expert.network import SyncNetwork
from src.eval.sync_expert.record import ExpertRecord
from src.eval.sync_expert.shift_curve import ShiftCurve
from src.files import replacing
from src.motion import CORE7, FRAMES_PER_SECOND, Motion

VERSION = 1
"""Grows when the same file would give other figures."""

_SECTION = "sync_expert"
_MADE_BY = "`python -m scripts.train_sync_expert`"


@dataclass(frozen=True)
class ExpertContract:
    """What an expert expects, and where it comes from.

    Attributes:
        features: configuration of the extractor of its rows with its `_target_`, plain types.
        features_hash: `config_hash` of that extractor.
        content_hash, split_hash: of the store that it learned from.
        speakers: whose clips it learned from.
        seed: of the training.
        commit: of the code that trained it.
        validation: how well it does on the validation part, which also chose the epoch.
        spec_name, spec_version: the vocabulary whose mouth channels it reads.
        fps: motion frames per second.
        version: of this list and of what the figures mean.
    """

    features: dict[str, Any]
    features_hash: str
    content_hash: str
    split_hash: str
    speakers: tuple[str, ...]
    seed: int
    commit: str
    validation: ExpertRecord
    spec_name: str = CORE7.name
    spec_version: int = CORE7.version
    fps: int = FRAMES_PER_SECOND
    version: int = VERSION

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "ExpertContract":
        """The inverse of `dataclasses.asdict`.

        Raises:
            CheckpointError: another version, vocabulary or clock.
        """
        expected = {
            "version": VERSION, "spec_name": CORE7.name, "spec_version": CORE7.version, "fps": FRAMES_PER_SECOND,
        }  # fmt: skip
        for name, value in expected.items():
            if stored.get(name) != value:
                raise CheckpointError(
                    f"a sync expert with {name} {stored.get(name)}, this program has {value}. "
                    f"Train one with {_MADE_BY}."
                )
        record = stored["validation"]
        record = ExpertRecord(**{**record, "distances": tuple(record["distances"])})
        return cls(**{**stored, "speakers": tuple(stored["speakers"]), "validation": record})


@dataclass(frozen=True, eq=False)
class SyncExpert:
    """Tells how well a mouth goes with its sound, and when it would go best."""

    network: SyncNetwork
    contract: ExpertContract

    def curve(self, features: NDArray[np.floating], motion: Motion, counted: NDArray[np.bool_]) -> ShiftCurve:
        """What the windows of a clip say at every shift; pool several for figures.

        Args:
            features: (T, R) rows by the extractor of the contract, of the whole sound from time 0.
            motion: T frames from time 0, predicted or true; `core7`, or what projects onto it.
            counted: (T,) frames that count.

        Returns:
            The curve; an empty one with its reason for a clip shorter than a window, or a mouth that doesn't move.

        Raises:
            MotionError: shapes, clock or vocabulary don't fit.
        """
        row_size = self.network.config["row_size"]
        if features.ndim != 2 or features.shape[1] != row_size:
            raise MotionError(
                f"features of shape {features.shape}, the sync expert takes rows of {row_size} numbers, by features "
                f"{self.contract.features_hash}. Extract them with the configuration in its contract."
            )
        clip = sync_clip(features, motion, counted, speaker="", window_frames=self.network.window_frames)
        return ShiftCurve.empty(clip) if isinstance(clip, str) else clip_curve(self.network, clip)

    def save(self, path: Path) -> None:
        """Write one file, in one step."""
        section = {"contract": _plain(asdict(self.contract)), "network": self.network.config}
        with replacing(path) as unfinished:
            torch.save({_SECTION: section, "state_dict": self.network.state_dict()}, unfinished)

    @classmethod
    def load(cls, path: Path | str) -> "SyncExpert":
        """Read a file of `save`.

        Raises:
            CheckpointError: it is missing, damaged, of another kind, or does not fit this program.
        """
        path = Path(path)
        stored = _read(path)
        section = stored.get(_SECTION) if isinstance(stored, dict) else None
        if not isinstance(section, dict) or not {"contract", "network"} <= section.keys():
            raise CheckpointError(f"{path}: a PyTorch file, but no sync expert. Give a file of {_MADE_BY}.")
        try:
            contract = ExpertContract.from_dict(section["contract"])
            network = SyncNetwork(**section["network"])
            network.load_state_dict(stored["state_dict"])
        except Audio2MotionError as error:
            raise CheckpointError(f"{path}: {error}") from error
        except (RuntimeError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"{path}: the stored sync expert does not fit the code of this program ({error}). Train one with "
                f"{_MADE_BY}."
            ) from error
        return cls(network.eval(), contract)


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down: what JSON would hold."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def _read(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such sync expert. Train one with {_MADE_BY}, or check the path.")
    reason = "it is no PyTorch archive"
    if zipfile.is_zipfile(path):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
            reason = str(error).strip().partition("\n")[0][:160] or type(error).__name__
    raise CheckpointError(
        f"{path}: not a readable sync expert; it is damaged, incomplete or another kind of file ({reason}). "
        f"Give a file of {_MADE_BY}."
    )
