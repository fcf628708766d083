"""What scripts that compare us with stored answers say: a table for people, and the exit code of a failure."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from src.files import write_json
from src.parity_vectors import Comparison

EXIT_FAILED = 1


def report(content: Mapping[str, Any], out: str | None, passed: bool) -> None:
    """Print the JSON, write it to `out` too if there is one, and exit with `EXIT_FAILED` unless all passed."""
    print(json.dumps(content, indent=2, allow_nan=False))
    if out is not None:
        write_json(Path(out), content)
    if not passed:
        sys.exit(EXIT_FAILED)


def record(comparison: Comparison) -> dict[str, Any]:
    """What the JSON says about a vector; null where there is no figure, with a note."""
    note = {"note": comparison.note} if comparison.note else {}
    return {
        "max_abs": finite(comparison.max_abs),
        "max_rel": finite(comparison.max_rel),
        "limit_abs": comparison.limit_abs,
        "pass": comparison.passed,
        **note,
    }


def table(comparisons: Sequence[Comparison]) -> str:
    """One line per vector, and the sum."""
    width = max(len(comparison.name) for comparison in comparisons)
    lines = [f"{'vector':{width}}  {'max abs':>9}  {'max rel':>9}  {'limit':>9}"]
    for one in comparisons:
        verdict = "pass" if one.passed else f"FAIL {one.note}".rstrip()
        lines.append(f"{one.name:{width}}  {one.max_abs:9.2e}  {one.max_rel:9.2e}  {one.limit_abs:9.2e}  {verdict}")
    passed = sum(one.passed for one in comparisons)
    return "\n".join([*lines, f"{passed} of {len(comparisons)} vectors pass"])


def finite(value: float) -> float | None:
    """A figure as JSON can hold it."""
    return value if math.isfinite(value) else None
