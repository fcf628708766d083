"""Larger faces by a network of the user's, an ONNX file: for pictures in which a face covers many pixels.

Without one, faces are enlarged by Lanczos.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from src.errors import CheckpointError


class OnnxSuperResolution:
    """Runs a network that enlarges pictures: one input (1, 3, H, W) RGB in 0..1, the first output the same, larger.

    Args:
        path: of the ONNX file.
        providers: of ONNX Runtime, the first that is there.

    Raises:
        CheckpointError: the file is missing, damaged, or of a network with another input.
    """

    def __init__(self, *, path: str | Path, providers: Sequence[str]) -> None:
        try:
            self._session = onnxruntime.InferenceSession(str(path), providers=list(providers))
        except Exception as error:  # ONNX Runtime has its own kinds, not all of them public
            reason = str(error).strip().partition("\n")[0][:200]
            raise CheckpointError(
                f"{path}: can't be used for super-resolution ({reason}). Give an ONNX file, or set "
                "render/super_resolution=null."
            ) from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
            found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise CheckpointError(
                f"{path}: a network with the inputs {found}; expected one, float of (1, 3, H, W). Give a network for "
                "super-resolution of pictures."
            )
        self._path, self._input = path, inputs[0].name

    def __call__(self, face: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) RGB -> (s H, s W, 3).

        Raises:
            CheckpointError: the network refuses pictures of this size, or gives something else than a picture.
        """
        pixels = (face.astype(np.float32) / 255).transpose(2, 0, 1)[None]
        try:
            enlarged = np.asarray(self._session.run(None, {self._input: pixels})[0])
        except Exception as error:
            reason = str(error).strip().partition("\n")[0][:200]
            raise CheckpointError(
                f"{self._path}: refuses a picture of {face.shape[1]} x {face.shape[0]} pixels ({reason}). Export it "
                "for this size."
            ) from error
        if enlarged.ndim != 4 or enlarged.shape[:2] != (1, 3):
            raise CheckpointError(f"{self._path}: gives {enlarged.shape}, expected (1, 3, H, W). Give another network.")
        return np.ascontiguousarray((enlarged[0].transpose(1, 2, 0).clip(0, 1) * 255).round().astype(np.uint8))
