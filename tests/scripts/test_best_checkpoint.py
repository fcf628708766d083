"""`checkpoint=<name>` means one file, the one that was judged, or an error that says what to do."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from scripts.best_checkpoint import POINTER, downloaded, name_best, resolve
from scripts.entry import CONFIG_FOLDER
from scripts.realtime import talk
from scripts.schema import register
from src.errors import CheckpointError
from src.files import sha256_of
from src.models.motion_model import DEFAULT_FILE


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two checkpoints, of which one was named, seen from the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        run = Path("sweeps/one/trials") / name / "run"
        run.mkdir(parents=True)
        (run / "best.ckpt").write_bytes(name.encode() * 100)
    checkpoint = "trials/a/run/best.ckpt"
    folder = Path("sweeps/one")
    name_best(folder, {"checkpoint": checkpoint, "sha256": sha256_of(folder / checkpoint), "label": "tcn"}, POINTER)
    return folder


def test_best_is_what_was_named(sweep: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert resolve("best") == sweep / "trials/a/run/best.ckpt"
    assert "checkpoint=best is sweeps/one/trials/a/run/best.ckpt (tcn)" in caplog.text


def test_a_sweep_folder_is_its_own_best(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    POINTER.unlink()
    assert resolve(sweep) == sweep / "trials/a/run/best.ckpt"
    monkeypatch.chdir(sweep.parent)
    assert resolve("one") == Path("one/trials/a/run/best.ckpt")


def test_both_can_be_moved_together(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Path.cwd().with_name("elsewhere")
    Path.cwd().rename(there)
    monkeypatch.chdir(there)
    assert resolve("best").read_bytes() == b"a" * 100
    assert str(Path.cwd()) not in POINTER.read_text()


def test_outputs_may_be_a_link_to_another_disk(sweep: Path) -> None:
    disk = Path("disk/far/away")
    disk.mkdir(parents=True)
    POINTER.unlink()
    POINTER.parent.rmdir()
    POINTER.parent.symlink_to(disk.resolve())
    name_best(sweep, json.loads((sweep / "best.json").read_text()), POINTER)
    assert resolve("best") == sweep / "trials/a/run/best.ckpt"


def test_where_nothing_was_named_the_model_of_the_program_speaks_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level("INFO"):
        assert resolve("best") == DEFAULT_FILE
    assert "No checkpoint was named best here" in caplog.text
    assert "scripts.leaderboard" in caplog.text
    assert resolve("default") == DEFAULT_FILE


def test_a_path_is_itself_whether_it_exists_or_not() -> None:
    assert resolve("runs/first/best.ckpt") == Path("runs/first/best.ckpt")


def test_a_named_checkpoint_that_is_gone_is_an_error(sweep: Path) -> None:
    (sweep / "trials/a/run/best.ckpt").unlink()
    with pytest.raises(CheckpointError, match=r"checkpoint=best: .*best\.ckpt, which is gone\. Run `python -m scripts"):
        resolve("best")


def test_a_named_checkpoint_that_was_changed_is_an_error(sweep: Path) -> None:
    (sweep / "trials/a/run/best.ckpt").write_bytes(b"other")
    for name in ("best", str(sweep)):
        with pytest.raises(CheckpointError, match=r"was changed since .*best\.json named it: its SHA-256 is not "):
            resolve(name)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"checkpoint": 3, "sha256": ""}'])
def test_a_damaged_record_is_an_error(content: str, sweep: Path) -> None:
    POINTER.write_text(content)
    with pytest.raises(CheckpointError, match=r"best\.json is damaged"):
        resolve("best")


def test_a_folder_that_names_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"a folder without best\.json"):
        resolve(tmp_path)


def test_the_pointer_stays_where_it_is_not_wanted(sweep: Path) -> None:
    before = POINTER.read_text()
    name_best(sweep, {"checkpoint": "trials/b/run/best.ckpt", "sha256": "0"}, None)
    assert POINTER.read_text() == before
    assert json.loads((sweep / "best.json").read_text())["checkpoint"] == "trials/b/run/best.ckpt"


class Api:
    """W&B's public API with one artifact."""

    def __init__(self, files: dict[str, bytes], metadata: dict[str, str]) -> None:
        self.files, self.metadata, self.version = files, metadata, "v3"

    def artifact(self, name: str) -> "Api":
        if name != "me/talk/checkpoint-1x:best":
            raise ValueError(f"artifact {name} not found")
        return self

    def download(self, root: str) -> str:
        for name, content in self.files.items():
            Path(root, name).parent.mkdir(parents=True, exist_ok=True)
            Path(root, name).write_bytes(content)
        return root


def serve(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], metadata: dict[str, str]) -> None:
    wandb = pytest.importorskip("wandb", reason="W&B is an extra: pip install -e '.[wandb]'")
    monkeypatch.setattr(wandb, "Api", lambda: Api(files, metadata))


SHA256_OF_MODEL = "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"


def test_an_artifact_is_downloaded_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    serve(monkeypatch, {"best.ckpt": b"model"}, {"sha256": SHA256_OF_MODEL})
    path = resolve("wandb:me/talk/checkpoint-1x:best")
    assert path == Path("outputs/wandb_artifacts/me--talk--checkpoint-1x-v3/best.ckpt")
    assert path.read_bytes() == b"model"
    serve(monkeypatch, {"best.ckpt": b"other"}, {"sha256": SHA256_OF_MODEL})
    with pytest.raises(CheckpointError, match="not the file that was logged"):
        resolve("wandb:me/talk/checkpoint-1x:best")


def test_an_artifact_that_holds_no_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {"data.json": b"{}"}, {})
    with pytest.raises(CheckpointError, match=r"the artifact holds data\.json, not one \.ckpt or \.onnx file"):
        downloaded("me/talk/checkpoint-1x:best", tmp_path)


@pytest.mark.parametrize("reference", ["checkpoint-1x:best", "me/talk/checkpoint-1x", "me/talk/../x:best/..", ""])
def test_what_names_no_artifact_is_refused(reference: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not the name of an artifact"):
        downloaded(reference, tmp_path)


def test_an_unknown_artifact_says_what_to_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {}, {})
    with pytest.raises(CheckpointError, match=r"W&B did not give it \(artifact me/talk/none:best not found\)\. Check"):
        downloaded("me/talk/none:best", tmp_path)


def test_no_key_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb", reason="W&B is an extra: pip install -e '.[wandb]'")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    try:
        with pytest.raises(CheckpointError, match="No API key"):
            downloaded("me/talk/checkpoint-1x:best", tmp_path)
    finally:
        wandb.teardown()  # it keeps the settings that it read here, for the whole process


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(CheckpointError, match=r"W&B is not installed\. `pip install"):
        downloaded("me/talk/checkpoint-1x:best", tmp_path)


def test_the_live_loop_speaks_with_the_best_unless_told_otherwise(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = Path("sweeps/one")
    sweep.mkdir(parents=True)
    shutil.copy(inputs / "best.ckpt", sweep / "best.ckpt")
    name_best(sweep, {"checkpoint": "best.ckpt", "sha256": sha256_of(sweep / "best.ckpt")}, POINTER)
    given = (f"source='{inputs / 'speech.wav'}'", f"avatar='{inputs / 'avatar'}'", "render.size=256", "evaluate=false")
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        config = compose("realtime", [*given, "clock=virtual", "out=live"])
    record, _ = talk(config)
    used = record["inputs"]["checkpoint"]
    assert (used["path"], used["sha256"]) == ("sweeps/one/best.ckpt", sha256_of(inputs / "best.ckpt"))
