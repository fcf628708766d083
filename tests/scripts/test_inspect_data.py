"""A clip is found by its id or its source, and becomes a picture; a wrong name gets the right ones."""

import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from scripts.inspect_data import find_clip
from src.data.store import Store, write_manifest
from src.errors import DataError
from tests.script_process import run_script
from tests.tiny_store import write_tiny_store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return write_tiny_store(tmp_path_factory.mktemp("a store"), {"anna": [30, 20], "bob": [25]})


def inspect(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script("inspect_data", *arguments)


def test_a_clip_is_found_by_its_id_and_by_its_source(store: Store) -> None:
    assert find_clip(store, "anna_1") == "anna_1"
    assert find_clip(store, "anna/1.mp4") == "anna_1"


def test_a_source_of_several_clips_asks_which(store: Store, tmp_path: Path) -> None:
    rows = [replace(clip, path=f"anna/0.mp4#t={n},{n + 1}") for n, clip in enumerate(store.clips)]
    several = write_manifest(tmp_path, rows)
    with pytest.raises(DataError, match=r"3 clips are stretches of anna/0.mp4: anna_0, anna_1, bob_0. Give clip=<id>"):
        find_clip(several, "anna/0.mp4")
    assert find_clip(several, "anna/0.mp4#t=1,2") == "anna_1"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("ana_1", "Did you mean anna_1"),
        ("bob/0", "Did you mean bob_0, bob/0.mp4"),
        ("ANNA", "Did you mean anna_0, anna_1"),
        ("something else", "The store has 3 clips, such as anna_0, anna_1, bob_0."),
    ],
)
def test_a_wrong_name_gets_close_ones(store: Store, wanted: str, words: str) -> None:
    with pytest.raises(DataError) as raised:
        find_clip(store, wanted)
    assert f"no clip '{wanted}'" in str(raised.value)
    assert words in str(raised.value)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_the_strip_is_written_as_a_picture(store: Store, tmp_path: Path, ending: str) -> None:
    out = tmp_path / "made" / f"strip.{ending}"
    done = inspect(f"store={store.folder}", "clip=anna/0.mp4", f"out={out}", "width_px=1000")
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(out)).shape[1] == 1000
    assert [file.name for file in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("clip=nobody", "out=strip.png"), "no clip 'nobody'"),
        (("clip=anna_0", "out=strip.gif"), "a picture ends in .png or .jpg"),
        (("clip=anna_0", "out=strip.png", "num_images=0"), "num_images must be 1 to 24"),
        (("clip=anna_0",), "no value for out"),
    ],
)
def test_what_can_not_be_drawn_is_one_message(
    store: Store, tmp_path: Path, overrides: tuple[str, ...], words: str
) -> None:
    moved = [each.replace("out=", f"out={tmp_path}/") for each in overrides]
    done = inspect(f"store={store.folder}", *moved)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
