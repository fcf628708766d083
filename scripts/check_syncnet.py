"""Compare our SyncNet with stored answers of the official programs.

python -m scripts.check_syncnet vectors=<folder> [seed=1]

Builds the networks with seeded weights, runs every vector of the folder (networks, MFCC, protocol, face detector,
tracks, crops, Wav2Lip's expert) and prints a table on stderr and JSON {name: {max_abs, max_rel, pass}} on stdout.
Exit code 0 only if every vector passes, 1 otherwise, 2 if the folder can't be used.
"""

import sys
from pathlib import Path

import torch
from omegaconf import DictConfig

from scripts.entry import run
from scripts.parity_report import record, report, table
from src.eval.syncnet.parity import run_vectors


def main(config: DictConfig) -> None:
    """Run the vectors and say how far we are from each."""
    if config.num_threads > 0:
        torch.set_num_threads(config.num_threads)
    comparisons = run_vectors(Path(config.vectors), config.seed)
    print(table(comparisons), file=sys.stderr)
    content = {comparison.name: record(comparison) for comparison in comparisons}
    report(content, config.out, all(comparison.passed for comparison in comparisons))


if __name__ == "__main__":
    run(main, "check_syncnet")
