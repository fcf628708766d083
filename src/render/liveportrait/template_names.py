"""Telling files of motion templates from those of motion, without what reading them needs."""

import zipfile
from pathlib import Path


def is_template(path: Path) -> bool:
    """Whether a file is a template by its name or, of an `.npz`, by what is in it; it need not be a good one."""
    if path.suffix != ".npz":
        return path.suffix == ".pkl"
    return zipfile.is_zipfile(path) and "format.npy" in zipfile.ZipFile(path).namelist()
