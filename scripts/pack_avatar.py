"""Put an avatar package into one file, to hand on.

python -m scripts.pack_avatar avatar=<avatar folder> out=<file.avatar>

The same package gives the same bytes. `avatar=<file.avatar>` works wherever an avatar folder does.
"""

import logging
from pathlib import Path

from omegaconf import DictConfig

from scripts.entry import run
from src.files import sha256_of
from src.render.avatar_package import pack_avatar

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Check, write."""
    out = Path(config.out)
    pack_avatar(Path(config.avatar), out)
    logger.info("%s: %d bytes, SHA-256 %s", out, out.stat().st_size, sha256_of(out))


if __name__ == "__main__":
    run(main, "pack_avatar")
