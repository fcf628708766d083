"""The leaderboard of a sweep folder: what it writes, what it names best, and what it passes over."""

import csv
import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import scripts.leaderboard
from scripts.best_checkpoint import resolve
from scripts.entry import CONFIG_FOLDER
from scripts.ledger import Ledger
from scripts.schema import register
from src.errors import ConfigError
from src.models.lstm import MotionLSTM
from tests.models.small_networks import small_checkpoint
from tests.script_process import run_script
from tests.scripts.sweep_folder import add, begin

ROOT = Path(__file__).resolve().parent.parent.parent


def rank(folder: Path, *more: str) -> None:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        scripts.leaderboard.main(compose("leaderboard", [f"folder='{folder}'", *more]))


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "leaderboard.csv", newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture
def sweep(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Two configurations, the better one with two seeds, two controls, a failure, and one that still runs."""
    monkeypatch.chdir(tmp_path)
    ledger = begin(tmp_path / "sweep")
    model = inputs / "best.ckpt"
    add(ledger, 0, 0.30, model)
    add(ledger, 1, 0.40, model)
    add(ledger, 2, 0.42, model, kind="repeat", seed=1, group="group001", axes={"models": "tcn", "lookahead": 1})
    add(ledger, 3, 0.20, None, kind="control", group="energy", axes={}, choice=("models=energy",))
    add(ledger, 4, 0.00, None, kind="control", group="mean", axes={}, choice=("models=mean_pose",))
    add(ledger, 5, None, None, error="Traceback\nRuntimeError: no memory left")
    add(ledger, 6, None, None)
    return ledger


def test_everything_is_written_and_best_means_the_best(sweep: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        rank(sweep.folder)
    assert [(row["label"], round(float(row["value"]), 9), row["kind"]) for row in rows(sweep.folder)] == [
        ("tcn \u00b7 lookahead 1", 0.41, "model"),
        ("tcn \u00b7 lookahead 0", 0.30, "model"),
        ("energy", 0.20, "control"),
        ("mean_pose", 0.00, "control"),
    ]
    best = json.loads((sweep.folder / "best.json").read_text())
    assert best["checkpoint"] == "trials/trial002/run/best.ckpt"
    assert (best["objective"]["value"], best["objective"]["seeds"]) == (0.42, 2)
    assert best["objective"]["mean"] == pytest.approx(0.41)
    assert best["against"]["energy"]["value"] == pytest.approx(0.22)
    assert (best["data_hash"], best["commit"], best["seed"]) == ("ab" * 32, "f00d", 1)
    assert resolve("best") == resolve(sweep.folder) == Path("sweep/trials/trial002/run/best.ckpt")
    page, text = ((sweep.folder / f"leaderboard.{kind}").read_text() for kind in ("html", "md"))
    for written in (page, text):
        assert "RuntimeError: no memory left" in written
        assert "No result yet: 1 of 7 trials." in written
        assert "ab" * 32 in written
        assert "0.987" not in written  # the test figure
    assert "1 of 7 trials failed" in caplog.text
    assert "checkpoint=best means it (outputs/best.json)" in caplog.text


def test_ranking_again_changes_nothing_and_needs_no_order(sweep: Ledger) -> None:
    rank(sweep.folder)
    before = {path.name: path.read_bytes() for path in sweep.folder.glob("*.*")}
    rank(sweep.folder)
    assert {path.name: path.read_bytes() for path in sweep.folder.glob("*.*")} == before
    assert len(before) == 5


def test_a_slower_model_is_ranked_but_not_named(sweep: Ledger, tmp_path: Path) -> None:
    rank(sweep.folder, "best.max_latency_ms=1")
    assert not (sweep.folder / "best.json").exists()
    assert not (tmp_path / "outputs").exists()
    assert "of latency, above best.max_latency_ms=1" in (sweep.folder / "leaderboard.html").read_text()
    assert rows(sweep.folder)[0]["is_best"] == "0"


def test_what_is_not_the_file_that_was_judged_is_passed_over(sweep: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    (sweep.folder / "trials/trial002/run/best.ckpt").write_bytes(b"another")
    (sweep.folder / "trials/trial001/run/best.ckpt").unlink()
    rank(sweep.folder)
    assert json.loads((sweep.folder / "best.json").read_text())["trial"] == "trial000"
    assert "tcn \u00b7 lookahead 1, seed 1 can't be best: trials/trial002/run/best.ckpt was changed" in caplog.text
    assert "seed 0 can't be best: its checkpoint is missing" in caplog.text


def test_a_model_that_cannot_follow_live_sound_is_passed_over_with_the_reason(sweep: Ledger, tmp_path: Path) -> None:
    offline = small_checkpoint(tmp_path / "both.ckpt", MotionLSTM, bidirectional=True, lookahead_frames=0).path
    for number, seed in ((7, 0), (8, 1)):
        add(sweep, number, 0.9, offline, group="group007", seed=seed, axes={"models": "lstm"})
    rank(sweep.folder)
    best = json.loads((sweep.folder / "best.json").read_text())
    assert best["label"] == "tcn \u00b7 lookahead 1"
    assert [each["trial"] for each in best["passed_over"]] == ["lstm, seed 0", "lstm, seed 1"]
    assert "reads a recording from both ends" in best["passed_over"][0]["reason"]


def test_the_pointer_can_be_left_alone(sweep: Ledger, tmp_path: Path) -> None:
    rank(sweep.folder, "best.pointer=null")
    assert (sweep.folder / "best.json").is_file()
    assert not (tmp_path / "outputs").exists()


def test_a_folder_that_is_no_sweep_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no sweep\.json, so no sweep"):
        rank(tmp_path)


def test_the_folder_is_given_as_a_bare_argument(sweep: Ledger) -> None:
    run_script("leaderboard", sweep.folder.name, cwd=sweep.folder.parent).check_returncode()
    assert resolve("best") == Path("sweep/trials/trial002/run/best.ckpt")


def test_what_is_named_fits_the_default_live_loop() -> None:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        session = compose("realtime", ["source=x"]).session
        largest_ms = compose("leaderboard", ["folder=x"]).best.max_latency_ms
    assert largest_ms == session.timing.playout_delay_ms - session.timing.preparation_ms
