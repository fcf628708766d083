"""Trained models behind one small interface, whatever file they come from.

Rows and motion are NumPy arrays without a batch axis; what a stream remembers is a tuple of arrays, handed in and out.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.errors import CheckpointError
from src.models.checkpoint import Checkpoint, Contract, load_checkpoint
from src.models.network import MotionNetwork, State
from src.models.onnx_model import OnnxGraph, OnnxModel

ONNX_SUFFIX = ".onnx"

DEFAULT = "default"
"""Stands for the model that comes with the program."""

DEFAULT_FILE = Path(__file__).with_name("default_public.onnx")
"""Trained on synthetic speech only, by `experiment=default_public`."""

ModelState = tuple[NDArray[Any], ...]
"""A stream's memory."""


class MotionModel(Protocol):
    """Rows of features in, motion out; shared by any number of streams.

    Attributes:
        contract: what it expects and gives.
        silence: (F,) a row of features in digital silence.
        exported_from_sha256: of the checkpoint that an exported file was made from; None for a checkpoint itself.
    """

    contract: Contract
    silence: NDArray[np.float32]
    exported_from_sha256: str | None

    def init_state(self, speaker: int) -> ModelState:
        """The memory of a stream that has heard nothing yet.

        Args:
            speaker: 1 for the first of `contract.speakers`; 0 for anyone.
        """
        ...

    def step(self, rows: NDArray[np.float32], state: ModelState) -> tuple[NDArray[np.float32], ModelState]:
        """Continue a stream.

        Args:
            rows: (t, F) next rows, t >= 1.
            state: from `init_state` or the step before; not changed.

        Returns:
            (t, C) frames, late by the look-ahead; see `MotionNetwork.step`. And the state after this piece.
        """
        ...

    def whole(self, rows: NDArray[np.float32], speaker: int) -> NDArray[np.float32]:
        """Motion (T, C) of the rows (T, F) of a whole recording, which silence follows; frame i at row i."""
        ...


class TorchModel:
    """The network of a checkpoint, run by PyTorch."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.contract = checkpoint.contract
        self.net = checkpoint.net
        self.silence: NDArray[np.float32] = checkpoint.net.standardizer.silence.numpy()
        self.exported_from_sha256: str | None = None

    def init_state(self, speaker: int) -> ModelState:
        """See `MotionModel.init_state`."""
        return tuple(tensor.numpy() for tensor in first_state(self.net, speaker))

    def step(self, rows: NDArray[np.float32], state: ModelState) -> tuple[NDArray[np.float32], ModelState]:
        """See `MotionModel.step`."""
        with torch.inference_mode():
            motion, after = self.net.step(_batch(rows), tuple(torch.from_numpy(array) for array in state))
        return motion[0].numpy(), tuple(tensor.numpy() for tensor in after)

    def whole(self, rows: NDArray[np.float32], speaker: int) -> NDArray[np.float32]:
        """See `MotionModel.whole`."""
        with torch.inference_mode():
            motion: NDArray[np.float32] = self.net(_batch(rows), torch.tensor([speaker]))[0].numpy()
        return motion


def load_model(path: Path | str) -> MotionModel:
    """A checkpoint (.ckpt), or a step model that was exported from one (.onnx).

    Raises:
        CheckpointError: it is missing, damaged or does not fit this program.
    """
    if Path(path).suffix.lower() == ONNX_SUFFIX:
        return OnnxModel(OnnxGraph.load(path))
    return TorchModel(load_checkpoint(path))


def model_path(name: Path | str) -> Path:
    """The file that `checkpoint=<name>` means: the one with that path, or for `default` the one of the program.

    Raises:
        CheckpointError: the program came without its model.
    """
    if str(name) != DEFAULT:
        return Path(name)
    if not DEFAULT_FILE.is_file():
        raise CheckpointError(
            f"checkpoint={DEFAULT}: the model of the program, {DEFAULT_FILE}, is missing. Install the program again, "
            "or give a model of your own: `checkpoint=<best.ckpt or model.onnx>`."
        )
    return DEFAULT_FILE


def first_state(net: MotionNetwork, speaker: int) -> State:
    """The memory of one stream of a network, batch 1; 0 is anyone."""
    with torch.inference_mode():
        return net.init_state(1, torch.tensor([speaker]))


def _batch(rows: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows))[None]
