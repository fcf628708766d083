"""Checkpoints that say what they need: Lightning's `.ckpt` with a contract inside.

Next to what Lightning stores for resuming, a checkpoint holds under `audio2motion` the `Contract` and
the configuration of the network, in plain types, so that `torch.load(weights_only=True)` reads it: no
code travels in the file. Loading compares the contract with this program and refuses in words.
A checkpoint of a training run also names what it was made from: `origin`, see `scripts.train`.
"""

import importlib
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from src.errors import Audio2MotionError, CheckpointError, ConfigError
from src.models.network import MotionNetwork
from src.motion import FRAMES_PER_SECOND, SPECS, MotionSpec

LOOKAHEAD_PART = "look-ahead of the model"
"""The part of the latency that is the network's own; the parts before it are the features'."""

SECTION = "audio2motion"
"""The key of our part in a Lightning checkpoint."""

CONTRACT_VERSION = 2

_NET_TARGETS = ("src.models.",)
_FEATURE_TARGETS = ("src.data.features.",)


@dataclass(frozen=True)
class Contract:
    """What a motion model expects and gives.

    Attributes:
        spec_name, spec_version, channels: the motion vocabulary of its output, in order.
        fps: motion frames per second.
        sample_rate_hz: of the sound that the features are made of.
        hops_per_frame: feature hops that are stacked for one motion frame.
        lookahead_frames: motion frames of future that the network waits for.
        features: configuration of the extractor with its `_target_`, plain types.
        features_hash: `config_hash` of the extractor it was trained with.
        latency_parts_ms: why motion comes later than its sound, reason by reason in the order of the chain.
        streams: whether the network can follow sound that is still arriving.
        speakers: names of the speakers whose style the network knows; the id of the first is 1, that of anyone else 0.
        version: of this list of fields.
    """

    spec_name: str
    spec_version: int
    channels: tuple[str, ...]
    fps: float
    sample_rate_hz: int
    hops_per_frame: int
    lookahead_frames: int
    features: dict[str, Any]
    features_hash: str
    latency_parts_ms: dict[str, float]
    streams: bool
    speakers: tuple[str, ...]
    version: int = CONTRACT_VERSION

    @classmethod
    def of(cls, *, spec: MotionSpec, features: Any, net: MotionNetwork, speakers: Sequence[str]) -> "Contract":
        """The contract of a network that is trained now.

        Args:
            spec: the vocabulary of its output.
            features: the extractor of its input, a `src.data.features.FeatureExtractor`.
            net: the network.
            speakers: those that have a style of their own.
        """
        return cls(
            spec_name=spec.name,
            spec_version=spec.version,
            channels=spec.names,
            fps=float(FRAMES_PER_SECOND),
            sample_rate_hz=features.sample_rate_hz,
            hops_per_frame=features.hops_per_frame,
            lookahead_frames=net.lookahead_frames,
            features=features.config,
            features_hash=features.config_hash,
            latency_parts_ms={
                **features.latency_parts,
                LOOKAHEAD_PART: 1000.0 * net.lookahead_frames / FRAMES_PER_SECOND,
            },
            streams=net.streams,
            speakers=tuple(speakers),
        )

    @property
    def spec(self) -> MotionSpec:
        """The motion vocabulary, known to this program once `check` has passed."""
        return SPECS[self.spec_name]

    @property
    def latency_ms(self) -> float:
        """Algorithmic latency: sound needed after the time of a motion frame before the frame can be computed."""
        return sum(self.latency_parts_ms.values())

    @property
    def latency_record(self) -> dict[str, float]:
        """The parts of the latency and their `total`, in milliseconds, for reports."""
        return {**self.latency_parts_ms, "total": self.latency_ms}

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for checkpoints and JSON."""
        return {**asdict(self), "channels": list(self.channels), "speakers": list(self.speakers)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Contract":
        """The inverse of `to_dict`.

        Raises:
            CheckpointError: another version or fields.
        """
        fields = set(cls.__dataclass_fields__)
        if stored.get("version") != CONTRACT_VERSION or set(stored) != fields:
            raise CheckpointError(
                f"contract of version {stored.get('version')} with fields {', '.join(sorted(stored))}; this program "
                f"reads version {CONTRACT_VERSION}. Train again, or use the version of the program that trained it."
            )
        return cls(**{**stored, "channels": tuple(stored["channels"]), "speakers": tuple(stored["speakers"])})

    def check(self) -> None:
        """Compare with the vocabulary and clock of this program.

        Raises:
            CheckpointError: the first difference, in words.
        """
        if self.spec_name not in SPECS:
            raise CheckpointError(
                f"it speaks motion spec {self.spec_name!r}, this program knows {', '.join(SPECS)}. "
                "Use a checkpoint of a known spec, or train one with `python -m scripts.train`."
            )
        spec = SPECS[self.spec_name]
        if self.spec_version != spec.version or self.channels != spec.names:
            raise CheckpointError(
                f"it speaks {self.spec_name} version {self.spec_version} ({', '.join(self.channels)}), this program "
                f"version {spec.version} ({', '.join(spec.names)}). Train again with `python -m scripts.train`."
            )
        if self.fps != FRAMES_PER_SECOND:
            raise CheckpointError(
                f"it gives {self.fps:g} motion frames per second, this program runs at {FRAMES_PER_SECOND}. "
                "Train again with `python -m scripts.train`."
            )

    def build_features(self) -> Any:
        """The feature extractor that the network was trained with.

        It arrives through its `_target_`, as in training, because models do not import data.

        Raises:
            CheckpointError: the extractor of this program gives other numbers, or is none of ours; or the encoder
                that it runs is not where it was in training.
        """
        try:
            extractor = _build(self.features, _FEATURE_TARGETS)
        except ConfigError as error:  # of an encoder that is elsewhere on this machine, or is another one
            raise CheckpointError(f"its features can't be built: {error}") from error
        latency_ms = sum(part for name, part in self.latency_parts_ms.items() if name != LOOKAHEAD_PART)
        stated = (self.sample_rate_hz, self.hops_per_frame, round(latency_ms, 3))
        built = (extractor.sample_rate_hz, extractor.hops_per_frame, round(extractor.latency_ms, 3))
        if stated != built:
            raise CheckpointError(
                "its features have a sample rate of {} Hz, {} hops per frame and {:g} ms of latency, ".format(*stated)
                + "those of this program {} Hz, {} and {:g} ms. ".format(*built)
                + "Train again, or use the version that trained it."
            )
        if extractor.config_hash != self.features_hash:
            raise CheckpointError(
                f"it was trained on features with hash {self.features_hash}, {self.features['_target_']} of this "
                f"program gives {extractor.config_hash}. Train again, or use the version that trained it."
            )
        return extractor


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network, ready to predict, and what it expects and gives."""

    net: MotionNetwork
    contract: Contract
    path: Path
    epoch: int


@dataclass(frozen=True)
class Description:
    """What a checkpoint says about itself, whether or not it fits this program.

    Attributes:
        contract: what its network expects and gives, in plain types.
        net: the network's class and configuration.
        origin: hashes of data, split and configuration, commit and seed of its run; None in files that say nothing.
        epoch: after which it was written, from 0.
    """

    contract: dict[str, Any]
    net: dict[str, Any]
    origin: dict[str, Any] | None
    epoch: int


def describe(net: MotionNetwork, contract: Contract, origin: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Our section of a checkpoint, in plain types.

    Args:
        net: the network, described by its `config`.
        contract: what it expects and gives.
        origin: what it was made from, in plain types; None leaves it out.
    """
    target = f"{type(net).__module__}.{type(net).__qualname__}"
    section = {"contract": contract.to_dict(), "net": {"_target_": target, **net.config}}
    return section if origin is None else {**section, "origin": dict(origin)}


def read_description(path: Path | str) -> Description:
    """What a checkpoint says about itself; its network is not built and its contract not compared.

    Raises:
        CheckpointError: the file is missing, damaged or not one of ours.
    """
    return _described(Path(path), _read(Path(path)))


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint and rebuild its network, in evaluation mode on the CPU.

    Raises:
        CheckpointError: the file is missing, damaged, not one of ours, or does not fit this program.
    """
    path = Path(path)
    stored = _read(path)
    described = _described(path, stored)
    try:
        contract = Contract.from_dict(described.contract)
        contract.check()
        contract.build_features()
        net = _build(described.net, _NET_TARGETS)
        weights = {
            name.removeprefix("net."): tensor
            for name, tensor in stored["state_dict"].items()
            if name.startswith("net.")
        }
        net.load_state_dict(weights)
    except Audio2MotionError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"{path}: the stored network does not fit the code of this program ({error}). "
            "Train again, or use the version of the program that trained it."
        ) from error
    return Checkpoint(net.eval(), contract, path, described.epoch)


def _described(path: Path, stored: Any) -> Description:
    section = stored.get(SECTION) if isinstance(stored, dict) else None
    if not isinstance(section, dict) or not {"contract", "net"} <= section.keys() or "state_dict" not in stored:
        raise CheckpointError(
            f"{path}: a PyTorch file, but no checkpoint of Audio2Motion (no contract inside). "
            "Give the best.ckpt of a run of `python -m scripts.train`."
        )
    return Description(section["contract"], section["net"], section.get("origin"), int(stored.get("epoch", 0)))


def _read(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such checkpoint. Train one with `python -m scripts.train`, or check the path."
        )
    reason = "it is no PyTorch archive"
    if zipfile.is_zipfile(path):  # else torch.load tries formats of long ago, and fails in any way there is
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
            reason = str(error).strip().partition("\n")[0][:160] or type(error).__name__
    raise CheckpointError(
        f"{path}: not a readable checkpoint; it is damaged, incomplete or another kind of file ({reason}). "
        "Give the best.ckpt of a run of `python -m scripts.train`, or copy it again."
    )


def _build(config: Mapping[str, Any], allowed: tuple[str, ...]) -> Any:
    """Call the class that `_target_` names, if it is one of our own. A file must not name any other code."""
    target = str(config.get("_target_", ""))
    if not target.startswith(allowed):
        raise CheckpointError(
            f"it asks for the class {target!r}, only {' and '.join(allowed)}* are loaded. "
            "Use a checkpoint that you trust."
        )
    module_name, _, class_name = target.rpartition(".")
    try:
        factory = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise CheckpointError(
            f"it needs {target}, which this program lacks. Use the version of the program that trained it."
        ) from error
    if not isinstance(factory, type) or not factory.__module__.startswith(tuple(name.rstrip(".") for name in allowed)):
        raise CheckpointError(f"it asks for {target}, which is no class of ours. Use a checkpoint that you trust.")
    return factory(**{name: value for name, value in config.items() if name != "_target_"})
