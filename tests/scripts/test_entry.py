import subprocess
import sys
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, InstantiationException
from omegaconf import OmegaConf

from scripts.entry import CONFIG_FOLDER, as_overrides, composed, flags_first, repairable, require_values
from src.errors import ConfigError, DataError

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from scripts.entry import run
from src.errors import DataError

def main(cfg):
    if cfg.seed == 1:
        raise DataError("clip.mp4: no sound track. Record it again.")
    if cfg.seed == 2:
        raise RuntimeError("a bug of ours")
    print("seed", cfg.seed)

run(main, "demo")
"""


def run_script(*overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *overrides],
        cwd=ROOT, capture_output=True, text=True, env={"PATH": "", **environment}, check=False,
    )  # fmt: skip


def test_a_good_run_calls_main_and_leaves_no_folder_behind(tmp_path: Path) -> None:
    before = set(ROOT.iterdir())
    result = run_script("out=somewhere", "seed=7")
    assert (result.returncode, result.stdout) == (0, "seed 7\n")
    assert set(ROOT.iterdir()) - before <= {ROOT / "src", ROOT / "scripts"}


def test_a_repairable_error_is_one_message_and_exit_code_2() -> None:
    result = run_script("out=x", "seed=1")
    assert result.returncode == 2
    assert result.stderr == "error: clip.mp4: no sound track. Record it again.\n"


def test_the_traceback_is_there_when_asked_for() -> None:
    result = run_script("out=x", "seed=1", HYDRA_FULL_ERROR="1")
    assert "Traceback" in result.stderr
    assert "no sound track" in result.stderr


def test_a_bug_keeps_its_traceback_and_exit_code_1() -> None:
    result = run_script("out=x", "seed=2")
    assert result.returncode == 1
    assert "a bug of ours" in result.stderr
    assert "Traceback" in result.stderr


def test_an_unknown_key_is_one_message_and_exit_code_2() -> None:
    result = run_script("out=x", "sed=1")
    assert result.returncode == 2
    assert "sed" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_value_of_the_wrong_type_is_one_message_and_exit_code_2() -> None:
    result = run_script("out=x", "seed=often")
    assert result.returncode == 2
    assert "'often'" in result.stderr
    assert "Traceback" not in result.stderr


def test_missing_values_are_named_with_an_example() -> None:
    config = OmegaConf.create({"out": "???", "data": {"root": "???"}, "seed": 0})
    with pytest.raises(ConfigError, match=r"no value for data.root, out, .*prepare_data data.root=... out=...`"):
        require_values(config, "prepare_data")


def test_our_error_inside_an_instantiation_error_is_what_is_said() -> None:
    wrapped = InstantiationException("Error in call to target")
    wrapped.__cause__ = DataError("store: no manifest. Prepare it.")
    assert repairable(wrapped) == "store: no manifest. Prepare it."


def test_a_bug_is_not_repairable() -> None:
    assert repairable(RuntimeError("bug")) is None


def test_of_our_errors_the_outermost_is_said_because_it_names_the_file() -> None:
    outer = DataError("run/best.ckpt: it speaks another spec. Train again.")
    outer.__cause__ = ConfigError("it speaks another spec. Train again.")
    wrapped = InstantiationException("Error in call to target")
    wrapped.__cause__ = outer
    assert repairable(wrapped) == "run/best.ckpt: it speaks another spec. Train again."


@pytest.mark.parametrize("path", ["runs/first", "it's, [really] {odd}: $x", "back\\slash", "ends in one\\", "\\'"])
def test_a_bare_argument_is_a_value_of_its_key_whatever_it_holds(path: str) -> None:
    (override,) = as_overrides([path], "sweep", {})
    (parsed,) = OverridesParser.create().parse_overrides([override])
    assert (parsed.key_or_group, parsed.value()) == ("sweep", path)


def test_a_short_key_stands_for_a_long_one_and_flags_keep_their_values() -> None:
    given = ["data=store", "--cfg", "job", "-m", "+data=x", "out=data=1"]
    expected = ["data.store=store", "--cfg", "job", "-m", "+data=x", "out=data=1"]
    assert as_overrides(given, "sweep", {"data": "data.store"}) == expected


@pytest.mark.parametrize("text", ["Hello there! It's 3.50, isn't it?", "a=b {c} [d]", "", "null", "你好。"])
def test_a_text_is_taken_as_it_is_written(text: str) -> None:
    (override,) = as_overrides([f"text={text}"], None, {}, {"text": "speech.text"})
    (parsed,) = OverridesParser.create().parse_overrides([override])
    assert (parsed.key_or_group, parsed.value()) == ("speech.text", text)


def test_a_config_is_composed_alike_whether_hydra_is_ready_or_not() -> None:
    outside = composed("evaluate", ["checkpoint=x", "data.store=y", "out=z"])
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        inside = composed("evaluate", ["checkpoint=x", "data.store=y", "out=z"])
    assert outside == inside
    assert outside.data.store == "y"
    with pytest.raises(HydraException, match="sed"):
        composed("evaluate", ["sed=1"])


def test_flags_of_hydra_may_stand_anywhere() -> None:
    given = ["seed=0", "--multirun", "seed=1,2", "--cfg", "job", "-p", "data"]
    assert flags_first(given) == ["--multirun", "--cfg", "job", "-p", "data", "seed=0", "seed=1,2"]
