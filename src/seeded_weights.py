"""Weights and inputs that everyone can recompute bit for bit, for comparing programs without trained weights.

A number follows from (seed, name, index) by 64-bit integer hashing and one rounding: no random generator, no
reduction. A name has its own stream: splitmix64 started from the seed and the name's CRC-32.

Reference:
    The rule of the parity vectors for SyncNet and LivePortrait; Steele, Lea, Flood: Fast splittable pseudorandom
    number generators, OOPSLA 2014 (splitmix64).
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR, _SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_CELL_PX = 16
_NOISE_BITS = 4

_AFFINE = {  # centre and half width by the last word of a key
    "running_mean": (0.0, 0.1),
    "running_var": (1.0, 0.5),
    "bias": (0.0, 0.05),
    "gamma": (0.0, 0.5),
    "beta": (0.0, 0.05),
}
_NORM_WEIGHT = (1.0, 0.25)
_COUNTER = "num_batches_tracked"
_LEFT, _RIGHT, _RAW = "weight_u", "weight_v", "weight_orig"
_VARIANCE = 2.0
"""Of a layer's weights, times the number of its inputs."""


@dataclass(frozen=True)
class Exceptions:
    """Where the weights of a family of networks leave the common rule; all keys with `<network>/` in front.

    Attributes:
        variances: (part of a key, variance times inputs), the first that fits counts.
        bias_centres: by whole key.
        bias_halves: half widths by whole key.
    """

    variances: tuple[tuple[str, float], ...] = ()
    bias_centres: Mapping[str, float] = field(default_factory=dict)
    bias_halves: Mapping[str, float] = field(default_factory=dict)

    def variance(self, full_key: str) -> float:
        """Of the weights of a layer, times the number of its inputs."""
        return next((variance for part, variance in self.variances if part in full_key), _VARIANCE)


NO_EXCEPTIONS = Exceptions()


def hashed(name: str, count: int, seed: int) -> NDArray[np.uint64]:
    """(count,) uniform 64-bit integers."""
    crc = zlib.crc32(name.encode())
    start = _mixed(np.array([(seed & 0xFFFFFFFF) << 32 | crc], dtype=np.uint64))
    return _mixed(start + np.arange(1, count + 1, dtype=np.uint64) * _STEP)


def uniform(name: str, shape: Sequence[int], seed: int, centre: float, half: float) -> NDArray[np.float32]:
    """float32 in [centre - half, centre + half), of the given shape."""
    top = (hashed(name, math.prod(shape), seed) >> np.uint64(40)).astype(np.int64) - 2**23
    return (top * (half / 2**23) + centre).astype(np.float32).reshape(tuple(shape))


def image(name: str, seed: int, size: int) -> NDArray[np.uint8]:
    """(size, size, 3) bytes: a smooth pattern from a random lattice of 16 pixels, with a little noise.

    Args:
        size: pixels, a multiple of 16.
    """
    nodes = size // _CELL_PX + 1
    lattice = (hashed(f"{name}#lattice", nodes * nodes * 3, seed) >> np.uint64(56)).astype(np.int64)
    lattice = lattice.reshape(nodes, nodes, 3)
    cell, inside = np.divmod(np.arange(size), _CELL_PX)
    along = lattice[:, cell] * (_CELL_PX - inside)[None, :, None] + lattice[:, cell + 1] * inside[None, :, None]
    smooth = along[cell] * (_CELL_PX - inside)[:, None, None] + along[cell + 1] * inside[:, None, None]
    noise = (hashed(f"{name}#noise", size * size * 3, seed) >> np.uint64(64 - _NOISE_BITS)).astype(np.int64)
    noisy = smooth // _CELL_PX**2 + noise.reshape(size, size, 3) - 2 ** (_NOISE_BITS - 1)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def state_dict(
    shapes: Mapping[str, Sequence[int]],
    seed: int,
    namespace: str,
    scales: Mapping[str, float],
    exceptions: Exceptions = NO_EXCEPTIONS,
) -> dict[str, Tensor]:
    """Weights for every key: those of layers with variance 2 / inputs, biases small, norms near one.

    The vectors of a spectral norm (`weight_u`, `weight_v`) are no unit vectors: who normalises them again fails.

    Args:
        shapes: by key, as in the official file.
        seed: of the hash, 0..2**32 - 1.
        namespace: the network's name, in front of every key.
        scales: powers of two by which some weights are multiplied.
        exceptions: of the networks' family.
    """
    weights = {}
    for key, shape in shapes.items():
        owner, _, last = key.rpartition(".")
        full_key = f"{namespace}/{key}"
        if last == _COUNTER:
            weights[key] = torch.zeros(tuple(shape), dtype=torch.int64)
            continue
        if last in (_LEFT, _RIGHT):
            raw = f"{owner}.{_RAW}"
            values = _spectral(f"{namespace}/{raw}", shapes[raw], seed, last)
        elif last in ("weight", _RAW) and len(shape) > 1:
            half = math.sqrt(3.0 * exceptions.variance(full_key) / math.prod(shape[1:]))
            values = uniform(full_key, shape, seed, 0.0, half)
        else:
            centre, half = _NORM_WEIGHT if last == "weight" else _AFFINE[last]
            if last == "bias":
                centre = exceptions.bias_centres.get(full_key, centre)
                half = exceptions.bias_halves.get(full_key, half)
            values = uniform(full_key, shape, seed, centre, half)
        weights[key] = torch.from_numpy(values * np.float32(scales.get(key, 1.0)))
    return weights


def _spectral(raw_key: str, raw_shape: Sequence[int], seed: int, which: str) -> NDArray[np.float32]:
    """(out,) or (in,) powers of two with signs such that the spectral norm of the raw weights is positive."""
    rows, columns = raw_shape[0], math.prod(raw_shape[1:])
    count, name = (rows, f"{raw_key}#u") if which == _LEFT else (columns, raw_key)
    signs = np.where(hashed(name, count, seed) >> np.uint64(63), 1.0, -1.0)
    values = signs * 2.0 ** -math.ceil(math.log2(count) / 2)
    if which == _LEFT:
        values[0] = 1.0
    return values.astype(np.float32)


def checksum(weights: Mapping[str, Tensor]) -> str:
    """CRC-32 of keys and values in the order of the keys, as 8 hexadecimal digits."""
    crc = 0
    for key in sorted(weights):
        values = weights[key].numpy()
        crc = zlib.crc32(key.encode(), crc)
        crc = zlib.crc32(values.astype(values.dtype.newbyteorder("<")).tobytes(), crc)
    return f"{crc:08x}"


def image_checksum(pixels: NDArray[np.uint8]) -> int:
    """CRC-32 of an image, row by row."""
    return zlib.crc32(np.ascontiguousarray(pixels).tobytes())


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's last step, modulo 2**64."""
    state = (state ^ (state >> np.uint64(30))) * _FIRST_FACTOR
    state = (state ^ (state >> np.uint64(27))) * _SECOND_FACTOR
    return state ^ (state >> np.uint64(31))
