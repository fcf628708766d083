"""Look at an avatar: one picture of its layers, its mesh and the renderer at work, and every check of the package.

python -m scripts.inspect_avatar avatar=<avatar folder or .avatar file> out=<file.png> [trusted_key=<public key>]

The checks are a table on stdout, and JSON beside the picture. An avatar whose consent has ended is shown too.
Exit code 0 if no check failed, else 1.
"""

import json
import logging
import sys
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.entry import run
from src.errors import Audio2MotionError, ConfigError
from src.files import write_json
from src.render.avatar import Avatar, read_package
from src.render.avatar_checks import Check, Verdict, checks_of, memory_bytes
from src.render.avatar_picture import POSES, Panel, avatar_sheet, layer_panels, pose_frames
from src.render.avatar_schema import DESCRIPTION
from src.render.contact_sheet import save_sheet

EXIT_FAILED = 1
ENDINGS = (".png", ".jpg")

_STYLES = {Verdict.OK: "green", Verdict.NOTE: "dim", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red"}

_WIDTH = 140
"""Of the table where it goes to a file."""

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Check, draw, tell."""
    out = Path(config.out)
    if out.suffix.lower() not in ENDINGS or not 800 <= config.width <= 6000:
        raise ConfigError(
            f"out={out}, width={config.width}: expected a picture that ends in {' or '.join(ENDINGS)}, 800 to 6000 "
            "pixels wide. Correct the values."
        )
    path = Path(config.avatar)
    trusted_key = None if config.trusted_key is None else Path(config.trusted_key)
    files = read_package(path)
    checks, avatar = checks_of(files, str(path), today=date.today(), trusted_key=trusted_key)
    checks.append(size_check(files))
    if avatar is not None:
        shown, rendering = rendered(config.render, avatar)
        checks.append(rendering)
        subtitle = f"{path.name}, {avatar.size} x {avatar.size} pixels, {summary(checks)}"
        save_sheet(out, avatar_sheet(avatar.name, subtitle, [*layer_panels(avatar), *shown], config.width))
        logger.info("%s: the picture", out)
    else:
        logger.warning("%s: its files can't be read, so there is no picture", path)
    write_json(out.with_suffix(".json"), record(path, avatar, checks))
    show(str(path), checks)
    if any(check.verdict is Verdict.FAILED for check in checks):
        sys.exit(EXIT_FAILED)


def rendered(render: DictConfig, avatar: Avatar) -> tuple[list[Panel], Check]:
    """The renderer in some poses; and how long it took to prepare and what it holds."""
    try:
        renderer = instantiate(render)
        started = time.perf_counter()
        state = renderer.prepare(avatar)
        seconds = time.perf_counter() - started
        images = [renderer.render(state, frame) for frame in pose_frames()]
    except Audio2MotionError as error:
        return [], Check("renderer", Verdict.FAILED, str(error))
    panels = [Panel(title, said, image) for (title, _, said), image in zip(POSES, images, strict=True)]
    megabytes = memory_bytes(avatar, state) / 1e6
    return panels, Check(
        "renderer", Verdict.OK, f"ready after {seconds:.2f} s, holds {megabytes:.0f} MB with the avatar"
    )


def summary(checks: list[Check]) -> str:
    """All checks in a few words."""
    named = {
        verdict: ", ".join(check.name for check in checks if check.verdict is verdict)
        for verdict in (Verdict.FAILED, Verdict.WARNING)
    }
    words = [f"{verdict}: {names}" for verdict, names in named.items() if names]
    return "; ".join(words) or "all checks passed"


def size_check(files: dict[str, bytes]) -> Check:
    """How large the package is, file by file."""
    each = ", ".join(f"{name} {kilobytes(len(content))}" for name, content in files.items())
    return Check("size", Verdict.NOTE, f"{kilobytes(sum(map(len, files.values())))} ({each})")


def kilobytes(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB" if count >= 1e4 else f"{count} bytes"


def record(path: Path, avatar: Avatar | None, checks: list[Check]) -> dict[str, Any]:
    """What the JSON says."""
    return {
        "avatar": str(path),
        "passed": not any(check.verdict is Verdict.FAILED for check in checks),
        "checks": [asdict(check) for check in checks],
        DESCRIPTION: None if avatar is None else json.loads(avatar.files()[DESCRIPTION]),
    }


def show(title: str, checks: list[Check]) -> None:
    """The table, on stdout."""
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("what")
    for check in checks:
        table.add_row(check.name, f"[{_STYLES[check.verdict]}]{check.verdict}[/]", escape(check.said))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(table, highlight=False)


if __name__ == "__main__":
    run(main, "inspect_avatar")
