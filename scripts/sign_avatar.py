"""Sign an avatar, so that others can check that it comes from you and was not changed.

python -m scripts.sign_avatar new_key=<file.pem>
python -m scripts.sign_avatar avatar=<avatar folder or .avatar file> key=<file.pem>

The first is needed once. It writes the private key, which you keep to yourself, and `<file>.public.pem` for everybody
else: with `trusted_key=<file>.public.pem`, `scripts.inspect_avatar` and `scripts.unpack_avatar` accept what you signed,
as you signed it, and nothing else. Making the avatar again takes the signature away. Needs the extra `sign`.
"""

import logging
from pathlib import Path

from omegaconf import DictConfig

from scripts.entry import run
from src.errors import ConfigError
from src.render.avatar_package import sign_avatar
from src.render.avatar_signature import new_keys

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Make keys, or sign."""
    match config:
        case {"new_key": str(new), "avatar": None, "key": None}:
            public = new_keys(Path(new))
            logger.info("%s: the private key, for you alone. %s: the public key, for everybody", new, public)
        case {"new_key": None, "avatar": str(avatar), "key": str(key)}:
            sign_avatar(Path(avatar), Path(key))
            logger.info("%s: signed with %s", avatar, key)
        case _:
            raise ConfigError(
                "sign_avatar: give avatar=<folder or .avatar> and key=<private key> to sign, "
                "or new_key=<file> alone to make keys."
            )


if __name__ == "__main__":
    run(main, "sign_avatar")
