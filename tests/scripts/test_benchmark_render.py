from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from scripts.benchmark_render import faithfulness, likeness, photos_in
from scripts.render_speed import array_bytes, in_photo, memory, sizes
from src.errors import ConfigError
from src.render.mesh import MeshRenderer
from tests.render.portraits import SIDE, drawn_avatar
from tests.scripts.test_realtime import composed

SMALL = (
    "out=record.json", "warm_up=1", "frames=3", "preparations=1", "photo.width=640", "photo.height=480",
    "photo.head=300", "photo.inner.size=256", "photo.inner.grid_step=4",
    "sizes=[{size: 128, grid_step: 2}, {size: 256, grid_step: 4}]",
)  # fmt: skip


def test_one_avatar_is_measured_at_every_size_and_in_a_photo() -> None:
    config = composed("benchmark_render", *SMALL)
    figures = sizes(config, drawn_avatar())
    assert {name: (one["width"], one["height"]) for name, one in figures.items()} == {
        "128": (128, 128),
        "256": (256, 256),
    }
    assert all(one["frame_ms"]["p50"] > 0 and one["prepare_ms"] > 0 for one in figures.values())
    pasted = in_photo(config, drawn_avatar())
    assert (pasted["width"], pasted["height"], pasted["head_px"], pasted["drawn_px"]) == (640, 480, 300, 256)


def test_the_defaults_fit_a_renderer() -> None:
    config = composed("benchmark_render", "out=record.json")
    for one in (*config.sizes, config.photo.inner):
        MeshRenderer(size=one.size, grid_step=one.grid_step, iterations=config.render.iterations)


def test_an_avatar_holds_less_memory_than_is_allowed() -> None:
    held = memory(MeshRenderer(size=SIDE, grid_step=4, iterations=10), drawn_avatar(), 2)
    assert 1 < held["arrays_mb"] < 300
    assert held["grown_mb"] is None or held["grown_mb"] < 300


def test_arrays_are_counted_once() -> None:
    @dataclass
    class Held:
        whole: np.ndarray
        part: np.ndarray
        several: tuple[np.ndarray, ...]
        named: dict[str, np.ndarray]
        number: float

    whole = np.zeros((10, 10), np.float32)
    held = Held(whole, whole[2:4], (whole, np.zeros(5, np.uint8)), {"other": np.zeros(7, np.uint8)}, 1.0)
    assert array_bytes(held) == 400 + 5 + 7


def test_the_table_names_portraits_and_channels_in_a_narrow_terminal() -> None:
    loop = {"found": 20, "r": {"jaw_open": 0.98765, "mouth_wide": 0.5}}
    console = Console(width=80, record=True)
    console.print(faithfulness({"a": {"swept": loop}, "b": {"refused": "no face"}}, "swept", "r"))
    text = console.export_text()
    assert all(word in text for word in ("jaw open", "mouth wide", "0.988", "0.500", "20"))


def test_a_picture_with_closed_lips_is_like_itself() -> None:
    avatar = drawn_avatar()
    renderer = MeshRenderer(size=avatar.size, grid_step=4, iterations=10)
    found = likeness(renderer, renderer.prepare(avatar), avatar)
    assert found.keys() == {"neutral", "own_opening"}
    assert all(value is None or value > 40 for value in found.values())


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Name a folder of photos"):
        photos_in(tmp_path)
