"""A trained network that says how speech moves a face, so that another one can learn from it.

It hears whole clips, in features of its own, and answers before the training of its student begins. So it may be as
large and as slow as it likes, look far ahead, or hear both ways.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from src.errors import CheckpointError, ConfigError
from src.files import sha256_of
from src.models.checkpoint import load_checkpoint
from src.motion import MotionSpec

METRICS = "metrics.json"
"""What a run writes beside its checkpoint; it tells what the checkpoint was trained on."""


class Teacher:
    """The network of a checkpoint, for whole clips.

    Attributes:
        path: of the checkpoint.
        sha256: of its bytes.
        spec: the motion that it speaks.
        features: the extractor that it was trained with.
        data_hash, split_hash: of the store and the split that it was trained on; None where no run lies beside it.
    """

    path: Path
    sha256: str
    spec: MotionSpec
    features: Any
    data_hash: str | None
    split_hash: str | None

    def __init__(self, *, checkpoint: str, device: str) -> None:
        """Load it.

        Args:
            checkpoint: best.ckpt of a run of `python -m scripts.train`.
            device: where it runs: `cpu`, `cuda`, or `auto` for a GPU if there is one.

        Raises:
            CheckpointError: it can't be read, or does not fit this program.
            ConfigError: there is no such device.
        """
        if device not in ("auto", "cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
            raise ConfigError(
                f"teacher.device is {device!r}; expected auto or cpu, or cuda where there is a GPU. Set it to auto."
            )
        loaded = load_checkpoint(checkpoint)
        self.path = loaded.path
        self.sha256 = sha256_of(loaded.path)
        self.spec = loaded.contract.spec
        self.features = loaded.contract.build_features()
        run = _run_beside(loaded.path)
        self.data_hash, self.split_hash = run.get("data_hash"), run.get("split_hash")
        self._device = "cuda" if device == "auto" and torch.cuda.is_available() else device.replace("auto", "cpu")
        self._net = loaded.net.to(self._device)

    @torch.inference_mode()
    def motion(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Motion of whole clips that are equally long.

        Args:
            rows: (B, T, F) stacked rows of `features`.

        Returns:
            (B, T, C) in the units of `spec`, frame i at the time of row i.
        """
        motion: NDArray[np.float32] = self._net(torch.from_numpy(rows).to(self._device)).float().cpu().numpy()
        return motion


def _run_beside(checkpoint: Path) -> dict[str, Any]:
    """The metrics of the run that a checkpoint lies in; empty if it lies elsewhere."""
    path = checkpoint.parent / METRICS
    if not path.is_file():
        return {}
    try:
        metrics = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CheckpointError(
            f"{path}: not readable ({error}), so nobody knows what the checkpoint beside it was trained on. Copy the "
            "run again."
        ) from error
    return metrics if isinstance(metrics, dict) else {}
