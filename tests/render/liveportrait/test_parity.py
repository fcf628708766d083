"""Our maths, crops and animation give the official answers; what does not is named."""

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from src.parity_vectors import Comparison, failed
from src.render.liveportrait.parity import FileParity, by_file, run_vectors

ROOT = Path(__file__).resolve().parents[3]
FILES = ("math.npz", "crop.npz", "motion.npz", "motion_cases.json", "weights_crc32.json")


def run(folder: Path) -> tuple[Mapping[str, FileParity], Sequence[Comparison]]:
    config = OmegaConf.load(ROOT / "conf/render/networks/liveportrait.yaml")
    builders = {str(name): partial(instantiate, config[name], _convert_="all") for name in config}
    comparisons = run_vectors(folder, 1, builders)
    return by_file(comparisons), comparisons


@pytest.fixture(scope="module")
def vectors(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official vectors, with cases and templates of other sizes beside them, and mistakes."""
    folder = tmp_path_factory.mktemp("vectors")
    for name in FILES:
        shutil.copyfile(shared / "liveportrait" / "parity" / name, folder / name)
    with np.load(folder / "motion.npz") as archive:
        arrays = dict(archive)
    cases = json.loads((folder / "motion_cases.json").read_text())

    # There and back again: without hulls, a frame's answer depends on the frame and the first alone.
    there_and_back = [0, 1, 2, 3, 2, 1, 0]
    for part in ("scale", "R", "exp", "t", "c_eyes", "c_lip"):
        arrays[f"template7/{part}"] = arrays[f"template4/{part}"][there_and_back]
    for name in ("rel_pf_normlip", "abs_pose", "rel_eye_lip_retarget"):
        cases[f"{name}7"] = {**cases[name], "template": "template7"}
        for x in ("x_s", "x_d"):
            arrays[f"case/{name}7/{x}"] = arrays[f"case/{name}/{x}"][there_and_back]
    cases["bent"] = {"source": "image", "template": "template4", "options": {"flag_bent": True}}
    cases["lost"] = {"source": "image", "template": "template5", "options": {}}
    cases["long"] = {"source": "video (9 frames)", "template": "template4", "options": {}}
    cases["wrong"] = cases["default"]
    arrays["case/wrong/x_d"] = arrays["case/default/x_d"] + np.float32(1e-5)
    arrays["case/wrong/x_s"] = arrays["case/default/x_s"]
    arrays["case/alone/x_d"] = arrays["case/default/x_d"]
    np.savez(folder / "motion.npz", **arrays)
    (folder / "motion_cases.json").write_text(json.dumps(cases))
    return folder


@pytest.fixture(scope="module")
def found(vectors: Path) -> tuple[Mapping[str, FileParity], Sequence[Comparison]]:
    return run(vectors)


@pytest.mark.parametrize("name", ["math", "crop", "weights"])
def test_maths_and_crops_are_the_official_ones(
    name: str, found: tuple[Mapping[str, FileParity], Sequence[Comparison]]
) -> None:
    file = found[0][name]
    assert file.passed, f"{file.worst} {file.note}"


def test_the_animation_is_the_official_one_and_mistakes_are_named(
    found: tuple[Mapping[str, FileParity], Sequence[Comparison]],
) -> None:
    motion = {one.name: one for one in found[1] if one.name.startswith("motion/")}
    wrong = {name: one.note for name, one in motion.items() if not one.passed}
    assert set(wrong) == {f"motion/case/{name}/x_d" for name in ("bent", "lost", "long", "wrong", "alone")}
    assert "unknown option 'flag_bent'" in wrong["motion/case/bent/x_d"]
    assert "template5" in wrong["motion/case/lost/x_d"]
    assert "9 frames" in wrong["motion/case/long/x_d"]
    assert wrong["motion/case/alone/x_d"] == "unknown vector"
    assert motion["motion/case/rel_pf_normlip7/x_d"].passed
    assert not found[0]["motion"].passed


def test_a_file_without_its_inputs_fails_alone(shared: Path, tmp_path: Path) -> None:
    with np.load(shared / "liveportrait" / "parity" / "math.npz") as archive:
        arrays = dict(archive)
    del arrays["headpose/in"]
    np.savez(tmp_path / "math.npz", **arrays)
    shutil.copyfile(shared / "liveportrait" / "parity" / "S.npz", tmp_path / "S.npz")
    files, comparisons = run(tmp_path)
    assert files["S"].passed
    assert not files["math"].passed
    assert any("no array 'headpose/in'" in one.note for one in comparisons)


def test_the_worst_of_a_file_is_what_fails_or_is_nearest_to_its_limit() -> None:
    small, near = Comparison("x/small", 1e-3, 1e-3, 1.0), Comparison("x/near", 1e-6, 1.0, 2e-6)
    assert by_file([small, near])["x"] == FileParity(1e-3, 1.0, True, 2, 2, "x/near", "")
    lost = failed("x/lost", "the file lacks it")
    together = by_file([small, lost, near])["x"]
    assert (together.worst, together.note, together.num_passed) == ("x/lost", "the file lacks it", 2)
    nan = by_file([small, Comparison("x/nan", float("nan"), float("nan"), 1.0)])["x"]
    assert not nan.passed
    assert nan.worst == "x/nan"
    assert np.isnan(nan.max_abs)
