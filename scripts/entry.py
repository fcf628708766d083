"""What every script does around its own work: compose the config, say errors plainly, log readably.

`run(main, "train")` composes `conf/train.yaml` under the schema of the same name, asks for missing
values before any work starts, and turns whatever a user can repair into one message on stderr and
exit code 2. `HYDRA_FULL_ERROR=1` shows the traceback as well. `composed` is for what needs the config
of another script on its way.

Hydra knows only `key=value`, and takes the name of a config group for a choice of one of its files. So a script may
say which key a bare argument is for (`python -m scripts.leaderboard <folder>`), and which key stands behind a short
one that is also a group (`data=<store>` for `data.store=<store>`).
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.logging import RichHandler

from scripts.schema import register
from src.errors import Audio2MotionError, ConfigError

CONFIG_FOLDER = Path(__file__).resolve().parent.parent / "conf"
EXIT_USER_ERROR = 2

_FLAGS_WITH_A_VALUE = {
    "--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--info",
    "-i",
}  # fmt: skip

# Scripts say where their results go, so Hydra writes no folder and no log file of its own.
_HYDRA_DEFAULTS = {
    "hydra.run.dir": ".",
    "hydra.output_subdir": "null",
    "hydra/job_logging": "none",
    "hydra/hydra_logging": "none",
}


def run(
    main: Callable[[DictConfig], None],
    config_name: str,
    *,
    positional: str | None = None,
    short: Mapping[str, str] = MappingProxyType({}),
    texts: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Compose `conf/<config_name>.yaml` with the command line and call `main` with it. Exits.

    Args:
        main: the work.
        config_name: of the config root and of the script.
        positional: the key that an argument without `=` is a value of; None if there are none.
        short: keys by the short names that they may be given by.
        texts: the same, of values that are taken as they are written: sentences, with all their punctuation.
    """
    sys.argv[1:] = as_overrides(sys.argv[1:], positional, short, texts)
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing its own way
    given = {argument.split("=", 1)[0].lstrip("+") for argument in sys.argv[1:]}
    defaults = [f"{key}={value}" for key, value in _HYDRA_DEFAULTS.items() if key not in given]
    sys.argv[1:] = flags_first([*defaults, *sys.argv[1:]])
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


def composed(name: str, overrides: Sequence[str] = ()) -> DictConfig:
    """`conf/<name>.yaml` with overrides, in a script that Hydra has started as well as in a notebook or a worker.

    Args:
        name: of the config root.
        overrides: as on the command line.

    Raises:
        HydraException, OmegaConfBaseException: they don't fit the configuration.
    """
    if GlobalHydra.instance().is_initialized():
        return hydra.compose(name, overrides=list(overrides))
    register()
    with hydra.initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return hydra.compose(name, overrides=list(overrides))


def as_overrides(
    arguments: Sequence[str],
    positional: str | None,
    short: Mapping[str, str],
    texts: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """The command line as Hydra reads it; see `run`."""
    overrides = []
    for before, argument in pairwise(["", *arguments]):
        key, equals, value = argument.partition("=")
        is_bare = not equals and not argument.startswith(("-", "+", "~")) and before not in _FLAGS_WITH_A_VALUE
        if equals and key in short:
            argument = f"{short[key]}={value}"
        elif equals and key in texts:
            argument = f"{texts[key]}={quoted(value)}"
        elif is_bare and positional is not None:
            argument = f"{positional}={quoted(argument)}"
        overrides.append(argument)
    return overrides


def flags_first(arguments: Sequence[str]) -> list[str]:
    """Hydra's flags before all overrides, which argparse takes from one place only."""
    flags: list[str] = []
    overrides: list[str] = []
    for before, argument in pairwise(["", *arguments]):
        is_flag = argument.startswith("-") or before in _FLAGS_WITH_A_VALUE
        (flags if is_flag else overrides).append(argument)
    return [*flags, *overrides]


def quoted(text: str) -> str:
    """A text as a value of an override, whatever characters of Hydra's grammar it holds."""
    # A backslash stands for itself, but before a quotation mark and at the end.
    return "'" + re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text) + "'"


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
