import json
import re
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("wandb_workspaces", reason="the extra `wandb` is not installed")

from scripts.wandb_dashboard import draft, groups, plain, workspace
from tests.script_process import run_script

ROOT = Path(__file__).resolve().parents[2]


def run(*overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_script("wandb_dashboard", *overrides, env={"PATH": "", **environment})


def test_the_view_holds_every_panel_under_its_heading() -> None:
    sections = plain(workspace("team", "project", "name"))["spec"]["section"]["panelBankConfig"]["sections"]
    shown = {section["name"]: len(section["panels"]) for section in sections}
    assert {title: shown.get(title) for title in (group.title for group in groups())} == {
        group.title: len(group.panels) for group in groups()
    }


def test_learning_curves_are_named_as_runs_log_them() -> None:
    (learning,) = [group for group in groups() if group.title == "Learning"]
    logged = set(re.findall(r"`([\w/-]+)`", (ROOT / "docs/tracking.md").read_text("utf-8")))
    assert {name for panel in learning.panels for name in panel.y} <= logged


def test_the_report_says_how_to_read_each_group() -> None:
    blocks = draft("team", "project", "name").blocks
    assert [block.text for block in blocks if type(block).__name__ == "P"] == [group.reading for group in groups()]


def test_without_a_key_the_view_is_a_file_and_nothing_is_sent(tmp_path: Path) -> None:
    result = run("entity=team", f"out={tmp_path}")
    assert result.returncode == 0, result.stderr
    view = json.loads((tmp_path / "workspace.json").read_text("utf-8"))
    assert view["project"] == "audio2motion"


def test_without_a_key_and_a_folder_it_says_what_is_missing() -> None:
    result = run("entity=team")
    assert (result.returncode, "WANDB_API_KEY" in result.stderr) == (2, True)
