"""Looking into networks while they run, and comparing what is seen with stored vectors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from src import seeded_weights
from src.parity_vectors import VectorFile


def compare_layer_outputs(vectors: VectorFile, layers: dict[str, Tensor], limit: float) -> None:
    """Every stored `mid/<layer>` that is in `layers`."""
    for name, output in layers.items():
        vectors.compare(f"mid/{name}", output, relative=limit, optional=True)


def compare_checksums(vectors: VectorFile, name: str, images: Sequence[NDArray[np.uint8]]) -> None:
    """Seeded images are the stored ones to the bit: first of all, or nothing that follows means much."""
    vectors.compare(name, np.array([seeded_weights.image_checksum(image) for image in images]))


@contextmanager
def layer_outputs(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Outputs of all layers by name, filled while the block runs."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str, layer: nn.Module, inputs: object, output: Tensor) -> None:
        outputs[name] = output

    hooks = [module.register_forward_hook(partial(keep, name)) for name, module in network.named_modules() if name]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
