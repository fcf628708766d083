"""Our LivePortrait against the stored answers of the official program.

Networks get the seeded weights of `src.seeded_weights`: arithmetic can be compared without trained files. The limits
are those that the vectors' makers suggest.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from src.errors import DataError
from src.parity_run import CHECKSUMS, SeededNetworks, read_json, run_files
from src.parity_vectors import Comparison, VectorFile
from src.render.liveportrait import parity_crops, parity_maths, parity_motion, parity_networks
from src.render.liveportrait.parity_seeds import WEIGHTS

logger = logging.getLogger(__name__)

CASES: dict[str, Callable[[VectorFile, SeededNetworks], None]] = {
    "F": parity_networks.compare_appearance,
    "M": parity_networks.compare_motion_extractor,
    "W": parity_networks.compare_warping,
    "G": parity_networks.compare_generator,
    "S": parity_networks.compare_heads,
    "math": parity_maths.compare_maths,
    "crop": parity_crops.compare_crops,
    "motion": parity_motion.compare_motion,
    "e2e": parity_motion.compare_chain,
}
"""Who compares a file, by its name."""


@dataclass(frozen=True)
class FileParity:
    """All vectors of a file together.

    Attributes:
        max_abs, max_rel: largest differences, as of `Comparison`; NaN if there is one.
        passed: all vectors do.
        count, num_passed: of vectors.
        worst: name of the vector that is the nearest to its limit or the furthest beyond.
        note: of the worst.
    """

    max_abs: float
    max_rel: float
    passed: bool
    count: int
    num_passed: int
    worst: str
    note: str


def run_vectors(folder: Path, seed: int, builders: Mapping[str, Callable[[], nn.Module]]) -> list[Comparison]:
    """Compare every vector of a folder; what nobody knows how to compare is a failure.

    Args:
        folder: .npz files by the names of `CASES`, any of them. Without `weights_crc32.json` weights go unchecked.
        seed: that the vectors were made with.
        builders: of the networks, by the names in `conf/render/networks/liveportrait.yaml`.

    Raises:
        DataError: there are no vectors, or a file can't be read.
    """
    checksums = None
    if (folder / CHECKSUMS).is_file():
        checksums = read_json(folder / CHECKSUMS)
    else:
        logger.warning(
            "%s lacks %s: whether the seeded weights are the right ones only shows in the vectors", folder, CHECKSUMS
        )
    cases = {name: partial(_compare, compare) for name, compare in CASES.items()}
    return run_files(folder, cases, SeededNetworks(builders, seed, checksums=checksums, exceptions=WEIGHTS))


def by_file(comparisons: Sequence[Comparison]) -> dict[str, FileParity]:
    """What the vectors of each file say together, by the file's name; `weights` are the networks'."""
    groups: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault(comparison.name.partition("/")[0], []).append(comparison)
    return {name: _together(group) for name, group in groups.items()}


def _compare(
    compare: Callable[[VectorFile, SeededNetworks], None], vectors: VectorFile, networks: SeededNetworks
) -> None:
    """One file; without the inputs that its vectors need, it fails alone."""
    try:
        compare(vectors, networks)
    except DataError as error:
        vectors.fail("inputs", str(error))


def _together(group: Sequence[Comparison]) -> FileParity:
    worst = max(group, key=_badness)
    return FileParity(
        max_abs=_largest([one.max_abs for one in group]),
        max_rel=_largest([one.max_rel for one in group]),
        passed=all(one.passed for one in group),
        count=len(group),
        num_passed=sum(one.passed for one in group),
        worst=worst.name,
        note=worst.note,
    )


def _badness(one: Comparison) -> float:
    """Difference over limit; whatever fails is worse than what passes."""
    if one.passed:
        return one.max_abs / one.limit_abs if one.limit_abs else 0.0
    ratio = one.max_abs / one.limit_abs if one.limit_abs else math.inf
    return math.inf if math.isnan(ratio) else ratio


def _largest(values: Sequence[float]) -> float:
    return math.nan if any(math.isnan(value) for value in values) else max(values)
