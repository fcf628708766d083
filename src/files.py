"""Writing results so that nothing is ever half there, and telling files apart by their content.

A file or folder appears under its name complete, or not at all: a process killed at any moment leaves
the previous version as it was.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file name beside `path`, which takes its place when the block ends well.

    Missing parent folders are made. A block that raises leaves the old file as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _sibling(path)
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give an empty temporary folder beside `path`, which takes its place when the block ends well.

    The old folder, if any, is gone only after the new one is complete. The caller makes sure that
    it is one of ours: everything in it is lost.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished, outdated = _sibling(path), _sibling(path)
    unfinished.mkdir()
    try:
        yield unfinished
        if path.exists():
            os.replace(path, outdated)
        os.replace(unfinished, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(outdated, ignore_errors=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write readable JSON in one step. NaN and infinity are refused (ValueError): JSON has neither."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n", "utf-8")


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes; of a folder, of its files' names and contents in order."""
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(item for item in path.rglob("*") if item.is_file()):
            digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
        return digest.hexdigest()
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _sibling(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
