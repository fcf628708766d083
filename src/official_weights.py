"""Official weight files, loaded by key, and plain words where one is missing, damaged or another.

Files are `.pth`, read with `weights_only=True`, or `.safetensors`: no code travels in them. Loading is strict: every
tensor must be there with its shape. Only the step counters of batch norm may be missing, since some files are older
than they are; they have no effect in `eval()` mode.
"""

import logging
import pickle
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from src.errors import CheckpointError

logger = logging.getLogger(__name__)

_COUNTER = "num_batches_tracked"
_DAMAGES = (
    SafetensorError,
    RuntimeError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
    MemoryError,
    OverflowError,
)
"""What `torch.load` raises for files that are cut off or of another kind: files of 2017 have no check sums."""


@dataclass(frozen=True)
class OfficialFile:
    """A weight file that others publish and this project does not carry."""

    name: str
    size: str
    where: str
    """A sentence: where to get it, and what its licence says."""

    section: str | None
    """The key under which the weights lie; None: the file holds nothing else."""

    prefix: str
    """Taken off every key."""

    sha256: str | None
    """Of the file as a public mirror states it; None where nobody states one."""

    def __str__(self) -> str:
        """Name, size, check sum and where to get it, for a message."""
        checksum = "no check sum is published" if self.sha256 is None else f"SHA-256 {self.sha256} by a public mirror"
        return f"{self.name} ({self.size}; {checksum}). {self.where}"


def check_given(files: Mapping[str, tuple[OfficialFile, str | None]]) -> list[Path]:
    """Look whether the files are there, before any work starts.

    Args:
        files: by the key that a user gives the path under; None where none was given.

    Returns:
        Their paths.

    Raises:
        CheckpointError: names all that are missing, and where to get them.
    """
    missing = [
        f"{key}={'<path>' if path is None else f'{path}, no such file'}: {source}"
        for key, (source, path) in files.items()
        if path is None or not Path(path).is_file()
    ]
    if missing:
        raise CheckpointError(
            "official weights are needed, which this project does not carry. Get them once and give their paths:\n"
            + "\n".join(missing)
        )
    return [Path(path) for _, path in files.values() if path is not None]


def load_official(network: nn.Module, path: Path, source: OfficialFile) -> None:
    """Copy the weights of an official file into `network`, all of them by key.

    Raises:
        CheckpointError: the file is missing, damaged or of another network; `network` is then unchanged.
    """
    weights = _tensors(_read(path, source), path, source)
    expected = network.state_dict()
    missing = [key for key in expected if key not in weights and not key.endswith(_COUNTER)]
    unknown = [key for key in weights if key not in expected]
    if missing or unknown:
        raise _unfit(
            path,
            source,
            f"{len(missing)} of {len(expected)} tensors are missing ({_some(missing)}) and {len(unknown)} unknown "
            f"({_some(unknown)})",
        )
    other = [key for key, tensor in weights.items() if tensor.shape != expected[key].shape]
    if other:
        key = other[0]
        raise _unfit(path, source, f"{key} is {tuple(weights[key].shape)}, expected {tuple(expected[key].shape)}")
    broken = [key for key, tensor in weights.items() if not tensor.isfinite().all()]
    if broken:
        raise _unfit(path, source, f"{_some(broken)} hold NaN or infinity")
    network.load_state_dict(weights, strict=False)  # only the counters can be missing by now
    logger.info("%s: %d tensors of %s", path, len(weights), source.name)


def _read(path: Path, source: OfficialFile) -> Any:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. It should be {source.name} ({source.size}). {source.where}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGES as error:
        megabytes = path.stat().st_size / 1e6
        reason = str(error).strip().partition("\n")[0][:160] or type(error).__name__
        raise CheckpointError(
            f"{path}: {megabytes:.1f} MB that can't be read as weights ({reason}); {source.name} has {source.size}. "
            f"It is cut off, damaged or another kind of file. {source.where}"
        ) from error


def _tensors(content: Any, path: Path, source: OfficialFile) -> dict[str, Tensor]:
    if source.section is not None:
        content = _section(content, source.section) if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        place = "" if source.section is None else f" under {source.section!r}"
        raise _unfit(path, source, f"no tensors by name{place}")
    return {str(key).replace(source.prefix, ""): tensor for key, tensor in content.items()}


def _section(content: Mapping[Any, Any], name: str) -> Any:
    """A part of a file, or None; in a flat file (.safetensors) its name stands in front of the keys."""
    if name in content:
        return content[name]
    start = f"{name}."
    return {key.removeprefix(start): tensor for key, tensor in content.items() if str(key).startswith(start)} or None


def _unfit(path: Path, source: OfficialFile, reason: str) -> CheckpointError:
    return CheckpointError(f"{path}: not the weights of {source.name}: {reason}. {source.where}")


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "") if keys else "none"
