"""Looking into networks while they run: what is seen is compared with stored vectors at once, and nothing is kept."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from src import seeded_weights
from src.parity_vectors import VectorFile

_FOLDER = "mid/"


@dataclass(frozen=True)
class View:
    """Where the network shows a stored vector that isn't just the output of the module of its name."""

    module: str
    """Path in the network."""

    shown: Callable[[Tensor], Tensor] = lambda output: output
    """What the vector holds, of the module's output."""

    is_input: bool = False
    """The vector is what the module is given."""


@contextmanager
def compared_layers(
    vectors: VectorFile,
    network: nn.Module,
    limit: float,
    *,
    prefix: str = "",
    views: Mapping[str, View] = MappingProxyType({}),
) -> Iterator[None]:
    """Compare every stored `mid/<layer>` while the block runs; `mid/<layer>#1` is the second call of a layer.

    A vector of a layer that the network lacks, or that isn't called so often, stays unlooked at, which is a failure.

    Args:
        vectors: of the network's file.
        network: that runs in the block.
        limit: as a share of the largest stored value.
        prefix: of the modules' paths; the names of vectors lack it.
        views: of vectors, by name, that are something else than a module's output.
    """
    modules = dict(network.named_modules())
    calls: Counter[str] = Counter()

    def compare(layer: str, view: View, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        call = calls[layer]
        calls[layer] += 1
        name = _FOLDER + (f"{layer}#{call}" if call else layer)
        if name in vectors.names:
            vectors.compare(name, view.shown(inputs[0] if view.is_input else output), relative=limit)

    layers = dict.fromkeys(
        name.removeprefix(_FOLDER).partition("#")[0] for name in vectors.names if name.startswith(_FOLDER)
    )
    hooks = []
    for layer in layers:
        view = views.get(layer) or View(prefix + layer)
        if view.module in modules:
            hooks.append(modules[view.module].register_forward_hook(partial(compare, layer, view)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def compare_checksums(vectors: VectorFile, name: str, images: Sequence[NDArray[np.uint8]]) -> None:
    """Seeded images are the stored ones to the bit: first of all, or nothing that follows means much."""
    vectors.compare(name, np.array([seeded_weights.image_checksum(image) for image in images]))
