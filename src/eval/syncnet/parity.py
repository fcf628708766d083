"""Our SyncNet, with everything around it, against the stored answers of the official programs.

Networks get the seeded weights of `src.seeded_weights`: arithmetic can be compared without trained files.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from src.eval.syncnet import parity_faces, parity_sync
from src.eval.syncnet.expert import SyncExpert
from src.eval.syncnet.network import SyncNet
from src.eval.syncnet.s3fd import S3FD
from src.parity_run import CHECKSUMS, SeededNetworks, fill_with_seed, read_json, run_files
from src.parity_vectors import Comparison, VectorFile

SCALES = "weight_scale.json"

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
    files = any(folder.glob("*.npz"))
    scales = read_json(folder / SCALES) if files else {}
    checksums = read_json(folder / CHECKSUMS) if files else {}
    networks = SeededNetworks(NETWORKS, seed, checksums=checksums, scales=scales)
    return run_files(folder, {name: partial(_compare, *case) for name, case in CASES.items()}, networks)


def seeded_network(name: str, seed: int, scales: dict[str, float]) -> tuple[nn.Module, dict[str, Tensor]]:
    """A network of `NETWORKS` in `eval()` mode with seeded weights, and these weights."""
    network = NETWORKS[name]()
    return network, fill_with_seed(network, name, seed, scales)


def _compare(needed: str | None, compare: Callable[..., None], vectors: VectorFile, networks: SeededNetworks) -> None:
    compare(vectors, networks.seed, *([] if needed is None else [networks[needed]]))
