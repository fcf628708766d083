"""Compare our SyncNet with stored answers of the official programs.

python -m scripts.check_syncnet vectors=<folder> [seed=1]

Builds the networks with seeded weights, runs every vector of the folder (networks, MFCC, protocol, face detector,
tracks, crops, Wav2Lip's expert) and prints a table on stderr and JSON {name: {max_abs, max_rel, pass}} on stdout.
Exit code 0 only if every vector passes, 1 otherwise, 2 if the folder can't be used.
"""

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from scripts.entry import run
from src.eval.syncnet.parity import run_vectors
from src.files import write_json
from src.parity_vectors import Comparison

EXIT_FAILED = 1


def main(config: DictConfig) -> None:
    """Run the vectors and say how far we are from each."""
    if config.num_threads > 0:
        torch.set_num_threads(config.num_threads)
    comparisons = run_vectors(Path(config.vectors), config.seed)
    print(table(comparisons), file=sys.stderr)
    content = {comparison.name: record(comparison) for comparison in comparisons}
    print(json.dumps(content, indent=2, allow_nan=False))
    if config.out is not None:
        write_json(Path(config.out), content)
    if not all(comparison.passed for comparison in comparisons):
        sys.exit(EXIT_FAILED)


def record(comparison: Comparison) -> dict[str, Any]:
    """What the JSON says about a vector; null where there is no figure, with a note."""
    figures: dict[str, Any] = {
        key: value if math.isfinite(value) else None
        for key, value in (("max_abs", comparison.max_abs), ("max_rel", comparison.max_rel))
    }
    note = {"note": comparison.note} if comparison.note else {}
    return {**figures, "limit_abs": comparison.limit_abs, "pass": comparison.passed, **note}


def table(comparisons: Sequence[Comparison]) -> str:
    """One line per vector, and the sum."""
    width = max(len(comparison.name) for comparison in comparisons)
    lines = [f"{'vector':{width}}  {'max abs':>9}  {'max rel':>9}  {'limit':>9}"]
    for one in comparisons:
        verdict = "pass" if one.passed else f"FAIL {one.note}".rstrip()
        lines.append(f"{one.name:{width}}  {one.max_abs:9.2e}  {one.max_rel:9.2e}  {one.limit_abs:9.2e}  {verdict}")
    passed = sum(one.passed for one in comparisons)
    return "\n".join([*lines, f"{passed} of {len(comparisons)} vectors pass"])


if __name__ == "__main__":
    run(main, "check_syncnet")
