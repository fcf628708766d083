"""Unpack an avatar that somebody packed, after checking all of it.

python -m scripts.unpack_avatar avatar=<file.avatar> out=<avatar folder> [trusted_key=<public key>]

With `trusted_key` only what its owner signed is unpacked; see `scripts.sign_avatar`.
"""

import logging
from pathlib import Path

from omegaconf import DictConfig

from scripts.entry import run
from src.render.avatar_package import unpack_avatar

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Check, write."""
    trusted_key = None if config.trusted_key is None else Path(config.trusted_key)
    unpack_avatar(Path(config.avatar), Path(config.out), trusted_key)
    logger.info("%s: unpacked from %s", config.out, config.avatar)


if __name__ == "__main__":
    run(main, "unpack_avatar")
