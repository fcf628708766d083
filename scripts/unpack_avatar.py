"""Unpack an avatar that somebody packed, after checking all of it.

python -m scripts.unpack_avatar avatar=<file.avatar> out=<avatar folder>
"""

import logging
from pathlib import Path

from omegaconf import DictConfig

from scripts.entry import run
from src.render.avatar import unpack_avatar

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Check, write."""
    unpack_avatar(Path(config.avatar), Path(config.out))
    logger.info("%s: unpacked from %s", config.out, config.avatar)


if __name__ == "__main__":
    run(main, "unpack_avatar")
