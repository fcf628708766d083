"""Running a folder of parity vectors: every file by who compares it, with networks of seeded weights.

What the programs that are compared have in common; `src.eval.syncnet.parity` and `src.render.liveportrait.parity` say
what each of their files holds.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from src import seeded_weights
from src.errors import DataError
from src.parity_vectors import Comparison, VectorFile, failed
from src.seeded_weights import NO_EXCEPTIONS, Exceptions

logger = logging.getLogger(__name__)

CHECKSUMS = "weights_crc32.json"


class SeededNetworks(Mapping[str, nn.Module]):
    """Networks with seeded weights, built when they are asked for; their weights are checked then.

    Args:
        builders: by the names that the weights are seeded with.
        seed: that the vectors were made with.
        checksums: of the weights by network; None: there are none to check against.
        scales: powers of two by network and key.
        exceptions: of the networks' family.
    """

    def __init__(
        self,
        builders: Mapping[str, Callable[[], nn.Module]],
        seed: int,
        *,
        checksums: Mapping[str, str] | None,
        scales: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
        exceptions: Exceptions = NO_EXCEPTIONS,
    ) -> None:
        self.seed = seed
        self.comparisons: list[Comparison] = []
        """Of the weights of all networks built so far."""
        self._builders, self._checksums, self._scales, self._exceptions = builders, checksums, scales, exceptions
        self._built: dict[str, nn.Module] = {}

    def __getitem__(self, name: str) -> nn.Module:
        """In `eval()` mode, without gradients."""
        if name not in self._built:
            network = self._builders[name]()
            weights = fill_with_seed(network, name, self.seed, self._scales.get(name, {}), self._exceptions)
            self._built[name] = network
            if self._checksums is not None:
                self.comparisons.append(_same_weights(name, weights, self._checksums.get(name), self.seed))
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._builders)

    def __len__(self) -> int:
        return len(self._builders)


def run_files(
    folder: Path, cases: Mapping[str, Callable[[VectorFile, SeededNetworks], None]], networks: SeededNetworks
) -> list[Comparison]:
    """Compare every vector of a folder; what nobody knows how to compare is a failure.

    Args:
        folder: .npz files by the names of `cases`, any of them.
        cases: who compares a file, by its name.
        networks: that they may ask for.

    Raises:
        DataError: there are no vectors, or a file can't be read.
    """
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise DataError(f"{folder}: no .npz with parity vectors. Give a folder such as ../shared/syncnet/parity.")
    comparisons = []
    for path in files:
        if path.stem not in cases:
            comparisons.append(failed(path.stem, f"unknown file; known are {', '.join(cases)}"))
            continue
        vectors = VectorFile(path)
        num_built = len(networks.comparisons)
        with torch.no_grad(), plain_float32():
            cases[path.stem](vectors, networks)
        comparisons += networks.comparisons[num_built:] + vectors.comparisons()
        logger.info("%s: %d vectors", path, len(vectors.names))
    return comparisons


def fill_with_seed(
    network: nn.Module,
    name: str,
    seed: int,
    scales: Mapping[str, float] = MappingProxyType({}),
    exceptions: Exceptions = NO_EXCEPTIONS,
) -> dict[str, Tensor]:
    """Give a network seeded weights, and bring it into `eval()` mode without gradients.

    Args:
        network: to change.
        name: that its weights are seeded with.
        seed, scales, exceptions: as `src.seeded_weights.state_dict`.

    Returns:
        The weights by key.
    """
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    weights = seeded_weights.state_dict(shapes, seed, name, scales, exceptions)
    network.load_state_dict(weights)
    network.eval().requires_grad_(False)
    return weights


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that belongs to the vectors.

    Raises:
        DataError: it is missing, damaged or something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: can't be read ({error}). It belongs to the vectors; copy the folder again."
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected an object by name. Copy the folder again.")
    return content


@contextmanager
def plain_float32() -> Iterator[None]:
    """No shortened mantissas in matrix products, whatever the program around us has set."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _same_weights(name: str, weights: dict[str, Tensor], expected: str | None, seed: int) -> Comparison:
    if expected is None:
        return failed(f"weights/{name}", f"{CHECKSUMS} lacks it")
    ours = seeded_weights.checksum(weights)
    if ours != expected:
        return failed(f"weights/{name}", f"checksum {ours} with seed={seed}, expected {expected}: give the right seed")
    return Comparison(f"weights/{name}", 0.0, 0.0, 0.0)
