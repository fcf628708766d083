"""What every script does around its own work: compose the config, say errors plainly, log readably.

`run(main, "train")` composes `conf/train.yaml` under the schema of the same name, asks for missing
values before any work starts, and turns whatever a user can repair into one message on stderr and
exit code 2. `HYDRA_FULL_ERROR=1` shows the traceback as well.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.logging import RichHandler

from scripts.schema import register
from src.errors import Audio2MotionError, ConfigError

CONFIG_FOLDER = Path(__file__).resolve().parent.parent / "conf"
EXIT_USER_ERROR = 2

# Scripts say where their results go, so Hydra writes no folder and no log file of its own.
_HYDRA_DEFAULTS = {
    "hydra.run.dir": ".",
    "hydra.output_subdir": "null",
    "hydra/job_logging": "none",
    "hydra/hydra_logging": "none",
}


def run(main: Callable[[DictConfig], None], config_name: str) -> None:
    """Compose `conf/<config_name>.yaml` with the command line and call `main` with it. Exits."""
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing its own way
    given = {argument.split("=", 1)[0].lstrip("+") for argument in sys.argv[1:]}
    sys.argv[1:1] = [f"{key}={value}" for key, value in _HYDRA_DEFAULTS.items() if key not in given]
    register()

    def task(config: DictConfig) -> None:
        configure_logging()
        with said_plainly():  # here, before Hydra adds words of its own
            require_values(config, config_name)
            main(config)

    @contextmanager
    def said_plainly() -> Iterator[None]:
        try:
            yield
        except Exception as error:
            message = repairable(error)
            if message is None or wants_traceback:
                raise
            print(f"error: {message}", file=sys.stderr)
            sys.exit(EXIT_USER_ERROR)

    try:
        with said_plainly():
            hydra.main(config_path=str(CONFIG_FOLDER), config_name=config_name, version_base="1.3")(task)()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def repairable(error: BaseException) -> str | None:
    """The message for an error that the user can repair; None for a bug of ours.

    Hydra wraps what a constructor raises, so the chain of causes is searched from the outside in: of our own
    errors the outermost says the most, such as the file that another one was about.
    """
    chain = list(_causes(error))
    for link in chain:
        if isinstance(link, Audio2MotionError):
            return str(link)
    if isinstance(error, HydraException | OmegaConfBaseException):
        lines = [str(link).strip() for link in chain if isinstance(link, HydraException | OmegaConfBaseException)]
        return "\n".join(dict.fromkeys(lines)) + "\nSee the available keys with `--cfg job`."
    return None


def require_values(config: DictConfig, config_name: str) -> None:
    """Check that every value without a default was given.

    Raises:
        ConfigError: names each missing key and shows how to give it.
    """
    # Not OmegaConf.missing_keys: that resolves `${out}` on its way, which fails while `out` is missing.
    missing = sorted(_missing_keys(OmegaConf.to_container(config, resolve=False)))
    if missing:
        example = " ".join(f"{key}=..." for key in missing)
        raise ConfigError(
            f"no value for {', '.join(missing)}, and there is no default. "
            f"Give it on the command line: `python -m scripts.{config_name} {example}`"
        )


def configure_logging() -> None:
    """Send the log to stderr, readable for people; results on stdout stay clean."""
    logging.basicConfig(
        level=os.environ.get("A2M_LOG", "INFO"),
        format="%(message)s",
        datefmt="%H:%M:%S",
        handlers=[RichHandler(console=Console(stderr=True), show_path=False)],
        force=True,
    )
    for talkative in ("matplotlib", "absl", "torio", "numba"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


def _missing_keys(node: object, path: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _missing_keys(value, f"{path}.{key}" if path else str(key))
    elif node == "???":
        yield path


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__
