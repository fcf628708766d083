"""A web page on which an avatar says what one says, types or uploads, live.

python -m scripts.serve
python -m scripts.serve avatars=<folder of avatar packages> render=mesh_256

Opens no window: it prints an address for a browser on this computer. For others: `host=0.0.0.0 token=<a long secret>`,
and `certificate=<PEM> key=<PEM>`, without which browsers give the microphone to nobody but this computer.
"""

import copy
import logging
import re
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from fastapi import FastAPI
from hydra.utils import instantiate
from omegaconf import DictConfig

from scripts.entry import run
from scripts.live import cast_for, check_pace
from scripts.make_avatar import BUILTIN, BUILTIN_NAME
from src.errors import ConfigError, RenderError
from src.realtime.animator import Animator
from src.realtime.server.access import Access
from src.realtime.server.app import create_app
from src.realtime.server.gallery import Entry, Gallery, thumbnail
from src.realtime.server.serving import make_server
from src.render.avatar import Avatar
from src.render.avatar_archive import SUFFIX
from src.render.avatar_schema import DESCRIPTION

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Serve until interrupted."""
    for talkative in ("aioice", "aiortc"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    certificate, key = _certificate(config)
    with closing(_listening(config)) as listening:
        application = application_for(config)
        scheme, port = "http" if certificate is None else "https", listening.getsockname()[1]
        host = "localhost" if config.host in ("0.0.0.0", "::") else config.host
        address = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
        logger.info("open %s%s  (Ctrl+C ends)", address, "" if config.token is None else "?token=<your token>")
        make_server(application, application.state.limits, certificate, key).run(sockets=[listening])


def application_for(config: DictConfig) -> FastAPI:
    """The web application of a configuration, with its first avatar ready to speak.

    Raises:
        ConfigError: no token though others can reach it, no avatar, or a renderer too slow for live speech.
        CheckpointError, RenderError: model or avatar can't be used.
    """
    access = Access(host=config.host, token=config.token, names=list(config.names))
    limits, quality = instantiate(config.limits), instantiate(config.quality)
    voice = None if config.tts is None else instantiate(config.tts)
    first = cast_for(config)
    first.animator.warm_up()
    check_pace(first.animator)
    builtin = config.avatar == BUILTIN
    name = BUILTIN_NAME if builtin else first.avatar.name
    entries = [Entry(_key(name, []), name, thumbnail(first.avatar.image), lambda: first.animator)]
    own = None if builtin else Path(config.avatar).resolve()
    for path in [] if config.avatars is None else packages(Path(config.avatars)):
        if path.resolve() == own:
            continue
        try:
            avatar = Avatar.load(path, trusted_key=None if config.trusted_key is None else Path(config.trusted_key))
        except RenderError as error:
            logger.warning("left out: %s", error)
            continue
        key = _key(avatar.name, [entry.key for entry in entries])
        entries.append(Entry(key, avatar.name, thumbnail(avatar.image), _preparing(config, path)))
    logger.info(
        "%d %s: %s", len(entries), "avatar" if len(entries) == 1 else "avatars", ", ".join(e.name for e in entries)
    )
    return create_app(
        gallery=Gallery(entries, max_loaded=limits.max_loaded_avatars),
        voice=voice,
        access=access,
        limits=limits,
        quality=quality,
    )


def packages(folder: Path) -> list[Path]:
    """The avatar packages in a folder, packed or not, by name.

    Raises:
        ConfigError: there is no such folder, or no package in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"avatars={folder}: no such folder. Give the folder in which your avatar packages are.")
    found = [path for path in folder.iterdir() if path.suffix == SUFFIX or (path / DESCRIPTION).is_file()]
    if not found:
        raise ConfigError(
            f"avatars={folder}: no avatar package in it. Make one with `python -m scripts.make_avatar image=<photo> "
            f"out={folder}/<name>`, or give the folder above the packages."
        )
    return sorted(found)


def _preparing(config: DictConfig, path: Path) -> Callable[[], Animator]:
    def prepare() -> Animator:
        own = copy.deepcopy(config)
        own.avatar = str(path)
        animator = cast_for(own).animator
        animator.warm_up()
        return animator

    return prepare


def _key(name: str, taken: list[str]) -> str:
    """A name as a part of an address, and no other's."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "avatar"
    return next(key for key in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if key not in taken)


def _certificate(config: DictConfig) -> tuple[str | None, str | None]:
    if (config.certificate is None) != (config.key is None):
        raise ConfigError("certificate and key belong together. Give both PEM files, or neither.")
    for name in ("certificate", "key"):
        if config[name] is not None and not Path(config[name]).is_file():
            raise ConfigError(f"{name}={config[name]}: no such file. Check the path.")
    return config.certificate, config.key


def _listening(config: DictConfig) -> socket.socket:
    """Bound before the model is loaded, so that a port in use is said at once."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"host={config.host} port={config.port} can't be used ({error}). Choose another port, or end the program "
            "that has it."
        ) from error


if __name__ == "__main__":
    run(main, "serve")
