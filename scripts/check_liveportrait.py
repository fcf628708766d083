"""Compare our LivePortrait with stored answers of the official program.

python -m scripts.check_liveportrait vectors=<folder> [seed=1]

Builds the networks with seeded weights, runs every vector of the folder (networks layer by layer, maths, crops and
paste-back, the animation loop, pictures of the whole chain) and prints a table of all vectors on stderr and JSON
{file: {max_abs, max_rel, pass, worst, ...}} on stdout. Exit code 0 only if every vector passes, 1 otherwise, 2 if the
folder can't be used.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from scripts.entry import run
from scripts.parity_report import finite, report, table
from src.render.liveportrait.parity import FileParity, by_file, run_vectors


def main(config: DictConfig) -> None:
    """Run the vectors and say how far we are from each file of them."""
    if config.num_threads > 0:
        torch.set_num_threads(config.num_threads)
    builders = {name: partial(instantiate, network, _convert_="all") for name, network in config.networks.items()}
    comparisons = run_vectors(Path(config.vectors), config.seed, builders)
    files = by_file(comparisons)
    print(table(comparisons), summary(files), sep="\n\n", file=sys.stderr)
    content = {name: record(file) for name, file in files.items()}
    report(content, config.out, all(file.passed for file in files.values()))


def record(file: FileParity) -> dict[str, Any]:
    """What the JSON says about a file; null where there is no figure."""
    note = {"note": file.note} if file.note else {}
    return {
        "max_abs": finite(file.max_abs),
        "max_rel": finite(file.max_rel),
        "pass": file.passed,
        "vectors": file.count,
        "failed": file.count - file.num_passed,
        "worst": file.worst,
        **note,
    }


def summary(files: dict[str, FileParity]) -> str:
    """One line per file."""
    lines = [f"{'file':8}  {'vectors':>7}  {'max abs':>9}  {'max rel':>9}        nearest to its limit"]
    for name, file in files.items():
        verdict = "pass" if file.passed else "FAIL"
        figures = f"{file.count:7}  {file.max_abs:9.2e}  {file.max_rel:9.2e}"
        lines.append(f"{name:8}  {figures}  {verdict}  {file.worst} {file.note}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    run(main, "check_liveportrait")
