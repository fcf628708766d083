"""Motion templates are read in every official spelling, and nothing in them is executed."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.errors import MotionError
from src.render.liveportrait.driving import SHAPES, MotionTemplate
from src.render.liveportrait.template import read_template, write_template
from tests.render.liveportrait.motions import template

NAMES = ("rotation", "exp", "scale", "t", "eye_ratios", "lip_ratios")


def official(count: int = 3, **changes: Any) -> dict[str, Any]:
    """As the official program stores it."""
    ours = template(count)
    points = np.zeros((1, 21, 3), np.float32)
    motion = [
        {
            "scale": ours.scale[i : i + 1],
            "R": ours.rotation[i : i + 1],
            "exp": ours.exp[i : i + 1],
            "t": ours.t[i : i + 1],
            "kp": points,
            "x_s": points,
        }
        for i in range(count)
    ]
    eyes, lips = ([values[i : i + 1] for i in range(count)] for values in (ours.eye_ratios, ours.lip_ratios))
    content = {"n_frames": count, "output_fps": 30, "motion": motion, "c_eyes_lst": eyes, "c_lip_lst": lips}
    return {**content, **changes}


def saved(path: Path, content: object, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def assert_same(found: MotionTemplate, expected: MotionTemplate, names: tuple[str, ...] = NAMES) -> None:
    for name in names:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_an_official_template_is_read(tmp_path: Path) -> None:
    found = read_template(saved(tmp_path / "d.pkl", official()))
    assert_same(found, template(3))
    assert found.fps == 30
    assert found.kp is not None
    assert found.rotation.dtype == np.float32


def test_older_spellings_are_read(tmp_path: Path) -> None:
    content = official()
    for frame in content["motion"]:
        frame["R_d"] = frame.pop("R")
        del frame["kp"], frame["x_s"]
    content["c_d_eyes_lst"], content["c_d_lip_lst"] = content.pop("c_eyes_lst"), content.pop("c_lip_lst")
    del content["output_fps"]
    found = read_template(saved(tmp_path / "d.pkl", content))
    assert_same(found, template(3))
    assert found.fps == 25
    assert found.kp is None


def test_a_template_without_ratios_is_read(tmp_path: Path) -> None:
    content = official()
    del content["c_eyes_lst"], content["c_lip_lst"]
    found = read_template(saved(tmp_path / "d.pkl", content))
    assert found.eye_ratios is None
    assert found.frame(1).lip_ratio is None
    assert_same(found, template(3), NAMES[:4])


def test_names_of_newer_and_older_numpy_are_read(tmp_path: Path) -> None:
    content = pickle.dumps(official(), protocol=3)
    older, newer = b"cnumpy.core.multiarray\n", b"cnumpy._core.multiarray\n"
    plain = content.replace(newer, older)
    assert older in plain
    for number, spelling in enumerate((plain, plain.replace(older, newer))):
        path = tmp_path / f"{number}.pkl"
        path.write_bytes(spelling)
        assert_same(read_template(path), template(3))


def test_big_endian_doubles_in_columns_are_read(tmp_path: Path) -> None:
    content = official()
    for frame in content["motion"]:
        frame["R"] = np.asfortranarray(frame["R"].astype(">f8"))
    assert_same(read_template(saved(tmp_path / "d.pkl", content)), template(3))


def test_our_own_file_gives_back_what_was_written(tmp_path: Path) -> None:
    for number, written in enumerate((template(4), read_template(saved(tmp_path / "d.pkl", official())))):
        path = tmp_path / "new" / f"{number}.npz"
        write_template(path, written)
        found = read_template(path)
        assert found.fps == written.fps
        assert_same(found, written, tuple(SHAPES))
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["0.npz", "1.npz"]


class Runs:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("function", "named"),
    [(os.system, "system"), (eval, "eval"), (np.load, "load"), (np.fromfile, "fromfile"), (getattr, "getattr")],
)
def test_a_pickle_that_wants_to_run_code_is_refused(
    function: Callable[..., object], named: str, protocol: int, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    attack = Runs(function, f"touch '{witness}'")
    path = saved(tmp_path / "d.pkl", {"extra": attack, **official()}, protocol)
    with pytest.raises(MotionError, match=rf"{path}.*\.{named}, which is refused; nothing was executed"):
        read_template(path)
    assert not witness.exists()


GLOBAL = b"cnumpy\ndtype\n"


@pytest.mark.parametrize(
    "content",
    [
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"(S'true'\nios\nsystem\n.",  # INST
        GLOBAL + b"}S'__doc__'\nS'x'\nsb.",  # state for a function of numpy
        GLOBAL + b"(S'O8'\nI00\nI01\ntR.",  # an array of objects
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntS'b'\ntR.",  # an array of another class
        b"cnumpy.core.multiarray\nscalar\n.",
        b"P1\n.",  # a persistent name
        b"",
        b"not a pickle",
        b"\x80\x04.",
        b"(lp0\ng0\na.",  # a list of itself
        b"N.",
    ],
)
def test_hostile_and_odd_pickles_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "d.pkl"
    path.write_bytes(content)
    with pytest.raises(MotionError, match=f"^{path}: "):
        read_template(path)


def test_lists_that_hold_each_other_many_times_take_no_time(tmp_path: Path) -> None:
    bomb: list[Any] = []
    for _ in range(200):
        bomb = [bomb, bomb]
    found = read_template(saved(tmp_path / "d.pkl", official(extra=bomb)))
    assert found.num_frames == 3


def test_no_part_of_a_file_is_taken_for_a_whole_one(tmp_path: Path) -> None:
    whole = pickle.dumps(official(), protocol=4)
    path = tmp_path / "d.pkl"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(MotionError, match="not a readable pickle of numbers and arrays"):
            read_template(path)


def broken(frame: int, key: str, value: object) -> dict[str, Any]:
    content = official()
    content["motion"][frame][key] = value
    return content


NAN = np.full((1, 3), np.nan, np.float32)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "no list 'motion' of frames"),
        (official(motion=[]), "no list 'motion' of frames"),
        (official(n_frames=4), "n_frames is 4, but there are 3 frames"),
        (broken(1, "t", NAN), "NaN or infinity in t of frame 1"),
        (broken(2, "exp", np.zeros((1, 63), np.float32)), r"'exp' of frame 2 is \(1, 63\), expected \(1, 21, 3\)"),
        (broken(0, "scale", 1.0), r"'scale' of frame 0 is float, expected \(1, 1\)"),
        (broken(1, "R", None), "frame 1 lacks 'R'"),
        (broken(0, "R", None), "frame 0 lacks 'R'"),
        (broken(1, "scale", np.zeros((1, 1), np.float32)), "scale is 0 at its lowest, expected above 0"),
        (broken(1, "t", np.array([["a", "b", "c"]])), "an array of 'U1', expected numbers"),
        (official(c_lip_lst=[]), "'c_lip_lst' is no list of 3 frames"),
        (official(output_fps=0), "fps is 0.0, expected a number above 0"),
        (official(output_fps="25"), "output_fps is '25', expected a number"),
    ],
)
def test_wrong_content_is_named(content: object, message: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "d.pkl", content)
    with pytest.raises(MotionError, match=f"^{path}: .*{message}.*Make the template again"):
        read_template(path)


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    write_template(path, template(3))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MotionError, match="not a readable archive of arrays"):
        read_template(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(MotionError, match="its format is 'nothing', expected 'liveportrait template 1'"):
        read_template(path)
    np.savez(path, format=np.array("liveportrait template 1"), fps=np.array(25.0), t=np.zeros((3, 3)), x=np.zeros(1))
    with pytest.raises(MotionError, match="unknown arrays: x; missing: rotation, exp, scale"):
        read_template(path)
    np.savez(path, x=np.array([{}]))
    with pytest.raises(MotionError, match="not a readable archive of arrays"):
        read_template(path)


def test_missing_files_and_other_suffixes_are_named(tmp_path: Path) -> None:
    for name in ("no.pkl", "no.npz"):
        with pytest.raises(MotionError, match=f"{name}: can't be read"):
            read_template(tmp_path / name)
    with pytest.raises(MotionError, match="a motion template is a .pkl or an .npz"):
        read_template(tmp_path / "d.mp4")
    with pytest.raises(MotionError, match="templates are written as .npz"):
        write_template(tmp_path / "d.pkl", template(3))
