"""Files of parity vectors: stored answers of another program, and how far ours are from them.

A small array is stored whole. Of a large one, `X`, there are its shape (`X@shape`), values at some places (`X@idx`,
`X@val`) and mean, standard deviation, length, minimum and maximum of all of it (`X@stat`). None of these five can
differ by more than the largest difference of a single value (the length: times the root of the count), so that
they say something about the values that are not stored.
"""

import math
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from src.errors import DataError

_PARTS = ("@shape", "@idx", "@val", "@stat")


@dataclass(frozen=True)
class Comparison:
    """One stored array against ours."""

    name: str
    """File and array, such as `net/out/lip`."""

    max_abs: float
    """Largest difference; infinite where shapes differ or something is missing, NaN where ours has NaN."""

    max_rel: float
    """`max_abs` as a share of the largest stored value."""

    limit_abs: float
    """Largest `max_abs` that passes."""

    note: str = ""
    """Why there are no figures."""

    @property
    def passed(self) -> bool:
        """Within the limit; NaN never is."""
        return self.max_abs <= self.limit_abs


def failed(name: str, note: str) -> Comparison:
    """What can't be compared counts as a failure."""
    return Comparison(name, math.inf, math.inf, 0.0, note)


class VectorFile:
    """A file of vectors that remembers which of them were looked at."""

    def __init__(self, path: Path) -> None:
        """Read all of `path`.

        Raises:
            DataError: it is no archive of plain arrays.
        """
        self.path = path
        try:
            with np.load(path) as archive:
                self._arrays: dict[str, NDArray[Any]] = dict(archive)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: not a readable .npz of plain arrays ({error}). Copy the file again.") from error
        self._unused = set(self.names)
        self._comparisons: list[Comparison] = []

    @property
    def names(self) -> list[str]:
        """Of all vectors, in the order of the file, without the parts of large ones."""
        return list(dict.fromkeys(name.partition("@")[0] for name in self._arrays))

    def value(self, name: str) -> NDArray[Any]:
        """An input that is stored whole.

        Raises:
            DataError: there is none of that name.
        """
        if name not in self._arrays:
            raise DataError(f"{self.path}: no array {name!r}, which its other vectors need. Copy the folder again.")
        self._unused.discard(name)
        return self._arrays[name]

    def compare(
        self,
        name: str,
        ours: object,
        *,
        relative: float = 0.0,
        absolute: float = 0.0,
        differing: float = 1.0,
        optional: bool = False,
    ) -> None:
        """Compare our answer with the stored one.

        Args:
            name: of the vector.
            ours: array, tensor, number or text.
            relative: limit as a share of the largest stored value.
            absolute: limit in the unit of the values; the larger of the two counts. Neither: exactly equal.
            differing: share of the stored values that may differ at all.
            optional: not every file has this vector.
        """
        if name not in self.names:
            if not optional:
                self._comparisons.append(failed(self._full(name), "the file lacks it"))
            return
        self._unused.discard(name)
        values = ours.detach().cpu().numpy() if isinstance(ours, Tensor) else np.asarray(ours)
        comparison = self._compared(name, values, relative, absolute)
        if comparison.passed and differing < 1:
            share = self._differing(name, values)
            if share > differing:
                note = f"{share:.2%} of the values differ, at most {differing:.2%} may"
                comparison = replace(comparison, limit_abs=-math.inf, note=note)
        self._comparisons.append(comparison)

    def fail(self, name: str, note: str) -> None:
        """A vector that can't be compared, and why."""
        self._unused.discard(name)
        self._comparisons.append(failed(self._full(name), note))

    def comparisons(self) -> list[Comparison]:
        """All of the file; a vector that nobody looked at fails."""
        ignored = [failed(self._full(name), "unknown vector") for name in self.names if name in self._unused]
        return self._comparisons + ignored

    def _compared(self, name: str, ours: NDArray[Any], relative: float, absolute: float) -> Comparison:
        whole = name in self._arrays
        if not whole and any(name + part not in self._arrays for part in _PARTS):
            return failed(self._full(name), "parts of it are missing")
        shape = self._arrays[name].shape if whole else tuple(self._arrays[name + "@shape"].tolist())
        if ours.shape != shape:
            return failed(self._full(name), f"shape {ours.shape}, expected {shape}")
        if whole and self._arrays[name].dtype.kind in "US":
            equal = str(self._arrays[name]) == str(ours)
            return Comparison(self._full(name), 0.0, 0.0, 0.0) if equal else failed(self._full(name), "other text")
        values = ours.astype(np.float64)
        if whole:
            stored = self._arrays[name].astype(np.float64)
            max_abs, peak = _largest(values - stored), _largest(stored)
        else:
            max_abs, peak = self._against_samples(name, values)
        max_rel = max_abs / peak if peak else (0.0 if max_abs == 0 else math.inf)
        return Comparison(self._full(name), max_abs, max_rel, max(absolute, relative * peak))

    def _differing(self, name: str, ours: NDArray[Any]) -> float:
        """Share of the stored values of an array that ours differ from."""
        if name in self._arrays:
            return float(np.mean(ours != self._arrays[name]))
        return float(np.mean(ours.ravel()[self._arrays[name + "@idx"]] != self._arrays[name + "@val"]))

    def _against_samples(self, name: str, values: NDArray[np.float64]) -> tuple[float, float]:
        """Largest difference and largest stored value of an array of which only samples are stored."""
        samples, statistics = self._arrays[name + "@val"].astype(np.float64), self._arrays[name + "@stat"]
        ours = values.ravel()[self._arrays[name + "@idx"]]
        length = float(np.sqrt(np.square(values).sum()))
        summary = np.array([values.mean(), values.std(), length, values.min(), values.max()])
        difference = summary - statistics
        difference[2] /= math.sqrt(values.size)
        return _largest(np.concatenate([ours - samples, difference])), _largest(statistics[3:])

    def _full(self, name: str) -> str:
        return f"{self.path.stem}/{name}"


def _largest(values: NDArray[np.float64]) -> float:
    """Largest absolute value; NaN if there is one."""
    return float(np.abs(values).max()) if values.size else 0.0
