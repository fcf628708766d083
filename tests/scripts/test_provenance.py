"""The chain from a live session to its data: it closes without trusting a path, and a changed byte is found."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from scripts import export, provenance, realtime, train
from scripts.entry import CONFIG_FOLDER
from scripts.origins import candidates
from scripts.schema import register
from src.data.store import Store, write_manifest
from src.errors import ConfigError, RenderError
from src.eval.lineage import Claim, Found, Verdict
from src.files import sha256_of
from src.models.checkpoint import load_checkpoint
from src.render.avatar import read_package
from src.render.avatar_archive import write_archive
from src.render.avatar_package import pack_avatar, sign_avatar
from src.render.avatar_schema import FILES
from src.render.avatar_signature import new_keys
from tests.realtime.sources.test_file import write_wav
from tests.realtime.test_predictor import noise
from tests.render.portraits import drawn_avatar
from tests.script_process import run_script
from tests.tiny_store import write_tiny_store

SMALL = [
    "models.net.hidden_size=8",
    "models.net.dilations=[1,2]",
    "data.window_frames=24",
    "data.batch_size=4",
    "data.windows_per_epoch=0",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=1",
    "callbacks=quiet",
]
OK, CHANGED, NOT_FOUND, NOT_RECORDED = (str(verdict) for verdict in Verdict)


def composed(script: str, *overrides: str) -> Any:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose(script, overrides=list(overrides))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with all that it was made from, moved away from where it was made."""
    pytest.importorskip("onnxscript", reason="exporting is an extra")
    folder = tmp_path_factory.mktemp("made") / "a demo"
    clips = write_tiny_store(folder / "store", {"ann": [70, 45], "bob": [60], "cid": [80]}).clips
    write_manifest(folder / "store", clips, {"ann_0": "train", "ann_1": "train", "bob_0": "val", "cid_0": "test"})
    train.main(composed("train", f"data.store='{folder / 'store'}'", f"out='{folder / 'run'}'", *SMALL))
    exported = [f"checkpoint='{folder / 'run' / 'best.ckpt'}'", f"out='{folder / 'onnx'}'", "front_end=false"]
    export.main(composed("export", *exported, "seconds=1"))
    drawn_avatar().save(folder / "avatar")
    write_wav(folder / "speech.wav", noise(16_000))
    inputs = {"checkpoint": "onnx/model.onnx", "avatar": "avatar", "source": "speech.wav", "out": "."}
    given = [f"{key}='{folder / value}'" for key, value in inputs.items()]
    realtime.main(composed("realtime", *given, "render.size=256", "evaluate=false", "clock=virtual", "num_threads=2"))
    moved = folder.with_name("moved")
    folder.rename(moved)
    shutil.rmtree(moved / "store" / "features")
    return moved


@pytest.fixture
def chain(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "chain")


def traced(path: Path, capsys: pytest.CaptureFixture[str], *overrides: str) -> tuple[dict[str, Any], int]:
    """The JSON and the exit code."""
    capsys.readouterr()
    code = 0
    try:
        provenance.main(composed("provenance", f"file='{path}'", "json=true", *overrides))
    except SystemExit as left:
        code = int(str(left.code))
    return json.loads(capsys.readouterr().out), code


def links(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for link in node["made_from"]:
        yield link
        yield from links(link)


def verdicts(content: dict[str, Any]) -> dict[str, str]:
    """Of every link that is not there twice."""
    return {link["name"]: link["verdict"] for link in links(content) if link["note"] != "as above"}


def flip(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 1
    path.write_bytes(content)


def without_code(found: dict[str, str]) -> dict[str, str]:
    """The commit is that of whoever runs the tests, with changes or without."""
    return {name: verdict for name, verdict in found.items() if name != "code"}


def test_the_chain_closes_from_the_session_to_the_data(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, code = traced(chain / "report.json", capsys)
    assert code == 0
    assert content["holds"] is True
    assert set(without_code(verdicts(content)).values()) == {OK}
    names = [link["name"] for link in links(content)]
    assert {"model", "checkpoint", "configuration", "data", "split", "code", "avatar", "sound"} <= set(names)
    (model,) = [link for link in content["made_from"] if link["name"] == "model"]
    (checkpoint,) = [link for link in model["made_from"] if link["name"] == "checkpoint"]
    assert model["recorded"] == sha256_of(chain / "onnx" / "model.onnx")
    assert checkpoint["recorded"] == checkpoint["found"] == sha256_of(chain / "run" / "best.ckpt")
    assert Path(checkpoint["path"]).resolve() == chain / "run" / "best.ckpt"
    (data,) = [link for link in checkpoint["made_from"] if link["name"] == "data"]
    assert Path(data["path"]).resolve() == chain / "store"
    assert data["facts"]["clips"] == "4"
    (exported_from,) = [link for link in content["made_from"] if link["name"] == "checkpoint of the model"]
    assert exported_from["recorded"] == checkpoint["recorded"]


@pytest.mark.parametrize(
    ("file", "at", "link"),
    [
        ("onnx/model.onnx", 0.5, "model"),
        ("run/best.ckpt", 0.5, "checkpoint"),
        ("run/best.ckpt", 0.02, "checkpoint"),
        ("run/config.yaml", 0.3, "configuration"),
        ("store/clips/bob_0.safetensors", 0.9, "data"),
        ("avatar/source.png", 0.5, "avatar"),
        ("speech.wav", 0.5, "sound"),
    ],
)
def test_a_flipped_byte_is_found_and_named(
    file: str, at: float, link: str, chain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(chain / file, at)
    content, code = traced(chain / "report.json", capsys)
    assert code == 1
    changed = [one for one in links(content) if one["verdict"] == CHANGED]
    assert changed[0]["name"] == link
    assert changed[0]["found"] != changed[0]["recorded"]
    named = Path(changed[0]["path"]).resolve()
    assert (chain / file).is_relative_to(named)
    if link == "data":
        assert changed[0]["note"] == "bob_0.safetensors is changed"
    if link == "avatar":
        assert verdicts(content)["source.png"] == CHANGED
    assert {name for name, verdict in verdicts(content).items() if verdict == CHANGED} <= {
        *(link, "source.png", "checkpoint of the model")
    }


def test_a_run_whose_records_were_changed_afterwards_is_found(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = json.loads((chain / "run" / "metrics.json").read_text())
    (chain / "run" / "metrics.json").write_text(json.dumps({**metrics, "data_hash": "0" * 64}))
    content, code = traced(chain / "run" / "best.ckpt", capsys)
    assert code == 1
    own = {link["name"]: link["verdict"] for link in content["made_from"]}
    assert own["run, as metrics.json tells it"] == CHANGED
    assert own["data"] == own["configuration"] == OK
    (chain / "run" / "metrics.json").write_text("{")
    content, code = traced(chain / "report.json", capsys)
    assert code == 1
    assert verdicts(content)["run, as metrics.json tells it"] == CHANGED


def test_a_changed_manifest_or_a_missing_clip_is_found(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (chain / "store" / "clips" / "ann_0.safetensors").unlink()
    content, code = traced(chain / "store", capsys)
    assert code == 1
    assert [link["note"] for link in links(content)] == ["ann_0.safetensors is missing"]
    flip(chain / "store" / "manifest.parquet", 0.0)
    content, code = traced(chain / "run", capsys)
    assert code == 1
    assert verdicts(content)["data"] == CHANGED


def test_what_was_moved_elsewhere_is_found_by_searching(
    chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    for name in ("run", "store", "avatar"):
        shutil.move(chain / name, elsewhere / "deep" / f"{name} of mine")
    content, code = traced(chain / "report.json", capsys)
    assert code == 0, "what is not found is no contradiction"
    assert verdicts(content)["checkpoint"] == verdicts(content)["avatar"] == NOT_FOUND
    assert traced(chain / "report.json", capsys, "strict=true")[1] == 1
    content, code = traced(chain / "report.json", capsys, f"search='{elsewhere}'")
    assert code == 0
    assert set(without_code(verdicts(content)).values()) == {OK}
    shutil.rmtree(chain / "onnx")
    found = verdicts(traced(chain / "report.json", capsys, f"search='{elsewhere}'")[0])
    assert found["model"] == NOT_FOUND
    assert found["checkpoint of the model"] == found["data"] == OK, "the session itself names the checkpoint"


def test_a_packed_avatar_is_followed_like_its_folder(
    chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack_avatar(chain / "avatar", tmp_path / "handed on" / "me.avatar")
    shutil.rmtree(chain / "avatar")
    content, code = traced(chain / "report.json", capsys, f"search='{tmp_path / 'handed on'}'")
    assert code == 0
    (avatar,) = [link for link in content["made_from"] if link["name"] == "avatar"]
    assert (avatar["verdict"], avatar["note"]) == (OK, "found by searching; packed since")
    assert {link["name"] for link in avatar["made_from"]} == set(FILES.values())
    assert set(without_code(verdicts(content)).values()) == {OK}


@pytest.mark.parametrize("packed", [False, True])
def test_an_avatar_tells_of_its_files_and_its_signature(
    tmp_path: Path, packed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cryptography", reason="needs the extra `sign`")
    new_keys(tmp_path / "me.pem")
    path = tmp_path / "one"
    drawn_avatar().save(path)
    sign_avatar(path, tmp_path / "me.pem")
    if packed:
        pack_avatar(path, tmp_path / "one.avatar")
        path = tmp_path / "one.avatar"
    content, code = traced(path, capsys)
    assert code == 0
    assert content["facts"]["name"] == "drawn"
    assert verdicts(content) == dict.fromkeys([*FILES.values(), "what signature.json signs"], OK)
    files = read_package(path)
    files["avatar.json"] = files["avatar.json"].replace(b'"drawn"', b'"drawm"')
    if packed:
        write_archive(files, path)
    else:
        (path / "avatar.json").write_bytes(files["avatar.json"])
    content, code = traced(path, capsys)
    assert code == 1
    assert {name for name, verdict in verdicts(content).items() if verdict == CHANGED} == {"what signature.json signs"}
    files["matte.png"] += b"x"
    if packed:
        write_archive(files, path)
    else:
        flip(path / "matte.png")
    assert verdicts(traced(path, capsys)[0])["matte.png"] == CHANGED


def test_a_damaged_packed_avatar_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "one.avatar").write_bytes(b"no zip")
    with pytest.raises(RenderError, match="one.avatar: not a readable .avatar file"):
        provenance.main(composed("provenance", f"file='{tmp_path / 'one.avatar'}'"))


def test_a_copy_that_differs_beside_the_right_one_is_told(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (chain / "best.ckpt").write_bytes(b"another")
    report = json.loads((chain / "report.json").read_text())
    model = {"path": str(chain / "run" / "best.ckpt"), "sha256": sha256_of(chain / "run" / "best.ckpt")}
    (chain / "report.json").write_text(json.dumps({**report, "inputs": {**report["inputs"], "checkpoint": model}}))
    content, code = traced(chain / "report.json", capsys)
    assert code == 0
    (link,) = [link for link in content["made_from"] if link["name"] == "model"]
    assert link["note"] == f"another one is at {chain / 'best.ckpt'}"


def test_files_of_before_say_that_they_do_not_say(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    stored = torch.load(chain / "run" / "best.ckpt", weights_only=True)
    del stored["audio2motion"]["origin"]
    torch.save(stored, chain / "run" / "best.ckpt")
    metrics = json.loads((chain / "run" / "metrics.json").read_text())
    del metrics["checkpoint_sha256"], metrics["config_sha256"]
    (chain / "run" / "metrics.json").write_text(json.dumps(metrics))
    content, code = traced(chain / "run" / "best.ckpt", capsys)
    assert code == 0
    found = verdicts(content)
    assert found["run"] == found["configuration"] == NOT_RECORDED
    assert found["data"] == found["split"] == OK
    assert load_checkpoint(chain / "run" / "best.ckpt").epoch == 0
    assert traced(chain / "run" / "best.ckpt", capsys, "strict=true")[1] == 1


def test_held_out_speakers_make_a_split_that_can_be_checked(made: Path, tmp_path: Path) -> None:
    places = provenance.Places(None)
    values = [f"data.store='{made / 'store'}'", f"out='{tmp_path / 'run'}'", *SMALL, "data.val_speakers=[cid]"]
    data, _, _ = train.build(composed("train", *values, f"data.cache='{tmp_path / 'cache'}'"))
    named = Claim("split", "split", data.split.hash, details=("cid",))
    assert places.look(named, made / "store") == Found(data.split.hash)
    of_the_manifest = places.look(replace(named, details=()), made / "store")
    assert of_the_manifest == Found(Store.open(made / "store").split_hash)
    assert of_the_manifest != Found(data.split.hash)
    of_a_stranger = places.look(replace(named, details=("nobody",)), made / "store")
    assert of_a_stranger is not None
    assert of_a_stranger.sha256 == ""
    assert "nobody is not in the store" in of_a_stranger.note


def test_the_model_of_the_program_has_a_checkpoint_that_is_elsewhere() -> None:
    done = run_script("provenance", "src/models/default_public.onnx")
    assert done.returncode == 0, done.stderr
    assert "NOT FOUND checkpoint da843efac742" in done.stdout
    assert "1 links: 1 NOT FOUND" in done.stdout


def test_a_figure_leads_to_its_checkpoint_and_its_data(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open(chain / "store")
    record = {
        "rows": {},
        "checkpoint": {"path": "run/best.ckpt", "sha256": sha256_of(chain / "run" / "best.ckpt")},
        "data": {"path": "store", "content_hash": store.content_hash, "split_hash": store.split_hash, "split": "val"},
        "machine": {"commit": "1234567890ab+"},
    }
    (chain / "eval").mkdir()
    (chain / "eval" / "metrics.json").write_text(json.dumps(record))
    content, code = traced(chain / "eval", capsys)
    assert (content["kind"], code) == ("evaluation", 0)
    own = {link["name"]: link["verdict"] for link in content["made_from"]}
    assert own == {"checkpoint": OK, "data": OK, "split": OK, "code": NOT_RECORDED}


def test_a_file_that_says_nothing_of_its_origin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    for file, message in {"notes.json": "says nothing about where it comes from", "gone": "no such file"}.items():
        with pytest.raises(ConfigError, match=message):
            provenance.main(composed("provenance", f"file='{tmp_path / file}'"))


def test_the_tree_has_a_line_per_link(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(chain / "run" / "config.yaml")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        provenance.main(composed("provenance", f"file='{chain / 'run'}'", f"out='{chain / 'links.json'}'"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"training run {chain / 'run' / 'metrics.json'} (seed 0, best epoch 0, val/lip_r ")
    changed = [line for line in lines if "CHANGED" in line and " links:" not in line]
    assert len(changed) == 2, "the checkpoint and the run's metrics both name it"
    for line in changed:
        assert "CHANGED configuration recorded " in line
        assert str(chain / "run" / "config.yaml") in line
    assert "2 CHANGED" in lines[-1]
    assert json.loads((chain / "links.json").read_text())["counts"][CHANGED] == 2


def test_recorded_paths_are_tried_beside_first() -> None:
    found = candidates("outputs/demo/run/best.ckpt", Path("/x/demo"))
    assert found[:2] == (Path("/x/demo/best.ckpt"), Path("/x/demo/run/best.ckpt"))
    assert Path("outputs/demo/run/best.ckpt") in found
    assert Path("/x/outputs/demo/run/best.ckpt") in found
    assert candidates(None, Path("/x")) == ()
