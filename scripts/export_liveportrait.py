"""Export LivePortrait's networks to ONNX, and compare the files with PyTorch.

python -m scripts.export_liveportrait out=<folder> [weights=<folder>] [opset=18]

Writes a file for each network, W and G as one (`frame.onnx`), and `manifest.json` with shapes, operators, SHA-256 and
the largest difference from PyTorch. `render/engine=onnx` runs the folder. Nothing is written if a file differs by more
than `tolerance`.
"""

import logging
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from scripts.entry import run
from src.files import sha256_of
from src.parity_run import fill_with_seed
from src.render.liveportrait.onnx_export import export_networks
from src.render.liveportrait.parity_seeds import WEIGHTS
from src.render.liveportrait.weights import find_weights, load_weights

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Build the networks and write the folder."""
    networks: dict[str, nn.Module] = instantiate(config.networks, _convert_="all")
    weights = None
    if config.weights is None:
        logger.warning("weights=null: made-up weights, the files draw noise. Only speed can be measured with them.")
        for name, network in networks.items():
            fill_with_seed(network, name, config.seed, exceptions=WEIGHTS)
    else:
        folder = Path(config.weights)
        load_weights(networks, folder)
        found = find_weights(folder, networks).items()
        weights = {name: {"file": path.name, "sha256": sha256_of(path)} for name, path in found}
    for network in networks.values():
        network.eval().requires_grad_(False)
    manifest = export_networks(
        networks,
        Path(config.out),
        weights=weights,
        opset=config.opset,
        batch=config.batch,
        tolerance=config.tolerance,
        seed=config.seed,
    )
    worst = max(record.max_difference for record in manifest.graphs.values())
    logger.info("%s: %d files, at most %.1e from PyTorch", config.out, len(manifest.graphs), worst)


if __name__ == "__main__":
    run(main, "export_liveportrait")
