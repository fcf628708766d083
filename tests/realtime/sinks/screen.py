"""A screen in memory, and what is on it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def virtual_screen(folder: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """Environment of programs that draw on it, and the file that its pixels are in."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "320x240x24", "-fbdir", str(folder)],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as number:
            display = f":{number.readline().strip()}"
        yield {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}, folder / "Xvfb_screen0"
    finally:
        server.terminate()
        server.wait()


def screen_pixels(dump: bytes) -> np.ndarray:
    """(H, W, 3) RGB of an X window dump of 24 bits."""
    fields = np.frombuffer(dump[:100], ">u4")
    header, width, height, stride, colours = fields[0], fields[4], fields[5], fields[12], fields[19]
    begin = int(header + 12 * colours)
    rows = np.frombuffer(dump, np.uint8, int(stride * height), begin).reshape(height, stride // 4, 4)
    return rows[:, :width, 2::-1]
