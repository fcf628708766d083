"""Our SyncNet, with everything around it, against the stored answers of the official programs.

Networks get the seeded weights of `src.seeded_weights`: arithmetic can be compared without trained files.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from src import seeded_weights
from src.errors import DataError
from src.eval.syncnet import parity_faces, parity_sync
from src.eval.syncnet.expert import SyncExpert
from src.eval.syncnet.network import SyncNet
from src.eval.syncnet.s3fd import S3FD
from src.parity_vectors import Comparison, VectorFile, failed

logger = logging.getLogger(__name__)

SCALES, CHECKSUMS = "weight_scale.json", "weights_crc32.json"

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "syncnet": SyncNet,
    "s3fd": S3FD,
    "wav2lip_syncnet_color": SyncExpert,
}
"""By the names that the weights are seeded with."""

CASES: dict[str, tuple[str | None, Callable[..., None]]] = {
    "mfcc": (None, parity_sync.compare_mfcc),
    "dist": (None, parity_sync.compare_distances),
    "net": ("syncnet", parity_sync.compare_layers),
    "wavshift": ("syncnet", parity_sync.compare_shifted_sound),
    "e2e": ("syncnet", parity_sync.compare_clips),
    "crop": (None, parity_faces.compare_crops),
    "s3fd": ("s3fd", parity_faces.compare_detector),
    "color": ("wav2lip_syncnet_color", parity_sync.compare_expert),
}
"""What a file holds, by its name: the network that it needs, and who compares it."""


def run_vectors(folder: Path, seed: int) -> list[Comparison]:
    """Compare every vector of a folder; what nobody knows how to compare is a failure.

    Args:
        folder: .npz files by the names of `CASES`, any of them, with `weight_scale.json` and `weights_crc32.json`.
        seed: that the vectors were made with.

    Raises:
        DataError: there are no vectors, or a file can't be read.
    """
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise DataError(f"{folder}: no .npz with parity vectors. Give a folder such as ../shared/syncnet/parity.")
    scales, checksums = _read_json(folder / SCALES), _read_json(folder / CHECKSUMS)
    built: dict[str, nn.Module] = {}
    comparisons = []
    for path in files:
        if path.stem not in CASES:
            comparisons.append(failed(path.stem, f"unknown file; known are {', '.join(CASES)}"))
            continue
        needed, compare = CASES[path.stem]
        vectors = VectorFile(path)
        with torch.no_grad(), _plain_float32():
            if needed is None:
                compare(vectors, seed)
            else:
                if needed not in built:
                    built[needed], weights = seeded_network(needed, seed, scales.get(needed, {}))
                    comparisons.append(_same_weights(needed, weights, checksums.get(needed), seed))
                compare(vectors, seed, built[needed])
        comparisons += vectors.comparisons()
        logger.info("%s: %d vectors", path, len(vectors.names))
    return comparisons


def seeded_network(name: str, seed: int, scales: dict[str, float]) -> tuple[nn.Module, dict[str, Tensor]]:
    """A network of `NETWORKS` in `eval()` mode with seeded weights, and these weights."""
    network = NETWORKS[name]()
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    weights = seeded_weights.state_dict(shapes, seed, name, scales)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False), weights


def _same_weights(name: str, weights: dict[str, Tensor], expected: str | None, seed: int) -> Comparison:
    if expected is None:
        return failed(f"weights/{name}", f"{CHECKSUMS} lacks it")
    ours = seeded_weights.checksum(weights)
    if ours != expected:
        return failed(f"weights/{name}", f"checksum {ours} with seed={seed}, expected {expected}: give the right seed")
    return Comparison(f"weights/{name}", 0.0, 0.0, 0.0)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: can't be read ({error}). It belongs to the vectors; copy the folder again."
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected an object by network. Copy the folder again.")
    return content


@contextmanager
def _plain_float32() -> Iterator[None]:
    """No shortened mantissas in matrix products, whatever the program around us has set."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
