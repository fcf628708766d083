"""A run with `logger=wandb` and no key, read back through W&B's own reader: what a reviewer needs is in it."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import pytest
from hydra import compose, initialize_config_dir

pytest.importorskip("wandb", reason="wandb is an extra")
pytest.importorskip("matplotlib", reason="pictures need the extra `data`")

import wandb
from pytorch_lightning.loggers import WandbLogger

from scripts import leaderboard
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from scripts.sweep_tracking import best_artifact
from scripts.tracking import is_offline, log_results, run_id
from scripts.train import main
from src.data.store import write_manifest
from src.files import sha256_of
from tests.scripts.sweep_folder import add, begin
from tests.scripts.wandb_record import Record, read
from tests.tiny_store import write_tiny_store

KEY = "WANDB_API_KEY"
TERMS = ("reconstruction", "velocity", "smoothness", "concordance")


@pytest.fixture(scope="module")
def no_key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(KEY, raising=False)
        patch.delenv("WANDB_MODE", raising=False)
        yield


@pytest.fixture(scope="module")
def out(inputs: Path, no_key: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("tracked")
    store = write_tiny_store(folder / "store", {"ann": [70, 45], "bob": [60], "cid": [50]})
    parts = {"ann": "train", "bob": "val", "cid": "val"}
    write_manifest(folder / "store", store.clips, {clip.clip_id: parts[clip.speaker] for clip in store.clips})
    register()
    overrides = [
        f"data.store={folder / 'store'}",
        f"out={folder / 'run'}",
        "models.net.hidden_size=8",
        "models.net.dilations=[1,2]",
        "data.window_frames=24",
        "data.batch_size=4",
        "data.windows_per_epoch=16",
        "trainer.accelerator=cpu",
        "trainer.max_epochs=2",
        "trainer.log_every_n_steps=2",
        "callbacks=quiet",
        "logger=wandb",
        "probe.renderer.size=256",
        f"probe.avatar='{inputs / 'avatar'}'",
        "probe.max_seconds=0.6",
    ]
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        config = compose("train", overrides=overrides)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("builtins.input", forbidden("a question was asked"))
            patch.setattr(socket.socket, "connect", only_to_this_machine(socket.socket.connect))
            main(config)
    wandb.teardown()  # its service writes the file's end in its own time
    return folder / "run"


def forbidden(message: str) -> Callable[..., Any]:
    def refuse(*args: object) -> None:
        raise AssertionError(message)

    return refuse


def only_to_this_machine(connect: Callable[..., Any]) -> Callable[..., Any]:
    """W&B's own service listens on this machine; nothing else may be talked to."""

    def checked(self: socket.socket, address: Any) -> Any:
        assert isinstance(address, str | bytes) or address[0] in ("127.0.0.1", "localhost", "::1"), address
        return connect(self, address)

    return checked


@pytest.fixture(scope="module")
def kept(out: Path) -> Record:
    (path,) = out.glob("wandb/offline-run-*/run-*.wandb")
    return read(path)


@pytest.fixture(scope="module")
def metrics(out: Path) -> dict[str, Any]:
    return json.loads((out / "metrics.json").read_text())


def test_without_a_key_the_run_is_kept_and_ends_well(out: Path, kept: Record) -> None:
    assert kept.exit_codes == [0]
    assert wandb.run is None
    assert (out / "metrics.csv").is_file()


def test_the_config_has_origin_and_every_value(kept: Record, metrics: dict[str, Any]) -> None:
    for name in ("commit", "data_hash", "split_hash", "seed"):
        assert kept.config[name] == metrics[name]
    config = kept.config["config"]
    assert config["models"]["net"]["hidden_size"] == 8
    assert config["models"]["channel_weights"]["jaw_open"] == 1.0
    assert config["features"]["_target_"].endswith("LogMel")
    assert "${" not in json.dumps(config)


def test_the_curves_have_losses_by_term_metrics_rates_and_gradients(kept: Record) -> None:
    per_epoch = ["loss", *TERMS]
    names = [f"{stage}/{name}" for stage in ("train", "val") for name in per_epoch]
    names += ["val/lip_r", "val/r_head_yaw", "train/windows_per_s", "train/frames_per_s", "train/audio_hours_per_hour"]
    assert {name: len(kept.curve(name)) for name in names} == dict.fromkeys(names, 2)
    gradients = kept.curve("train/gradient_norm")
    assert len(gradients) == 4  # of 8 steps
    assert min(gradients) > 0
    assert kept.curve("train/frames_per_s")[0] == pytest.approx(24 * kept.curve("train/windows_per_s")[0])
    assert len(kept.curve("lr-AdamW/pg1")) >= 2
    assert {row["trainer/global_step"] for row in kept.history if "val/lip_r" in row} == {3, 7}


def test_the_csv_has_the_same_curves(out: Path) -> None:
    header = (out / "metrics.csv").read_text().partition("\n")[0].split(",")
    assert {"train/gradient_norm", "train/frames_per_s", "lr-AdamW/pg1", "val/lip_r", "train/velocity"} <= set(header)


def test_the_summary_is_of_the_best_checkpoint_and_names_nobody(kept: Record, metrics: dict[str, Any]) -> None:
    assert kept.summary["val/lip_r"] == pytest.approx(metrics["val/lip_r"])
    assert kept.summary["latency_ms"]["total"] == metrics["latency_ms"]["total"]
    assert kept.summary["train"] == metrics["train"]
    assert {"clips", "speakers", "aligned_speakers"}.isdisjoint(kept.summary)


def test_the_probe_can_be_seen_and_heard(out: Path, kept: Record) -> None:
    (row,) = [row for row in kept.history if "probe/video.path" in row]
    assert {row["probe/video.path"], row["probe/lips.path"]} <= kept.files
    (folder,) = out.glob("wandb/offline-run-*/files")
    assert (folder / row["probe/lips.path"]).read_bytes() == (out / "probe.png").read_bytes()
    assert row["probe/video.sha256"] == sha256_of(out / "probe.mp4")
    with av.open(str(folder / row["probe/video.path"])) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    assert "probe/lip_r" in row


def test_the_data_is_told_by_hash_and_used_by_the_run(out: Path, kept: Record, metrics: dict[str, Any]) -> None:
    (data,) = kept.artifacts_of("dataset")
    assert data.name == f"data-{metrics['data_hash'][:12]}"
    assert data.use_after_commit
    told = json.loads(data.metadata)
    assert {"data_hash", "split_hash", "train", "val", "sha256"} <= set(told)
    assert [entry.path for entry in data.manifest.contents] == ["data.json"]
    assert "ann" not in (out / "data.json").read_text()


def test_checkpoints_have_aliases_and_know_their_data(out: Path, kept: Record, metrics: dict[str, Any]) -> None:
    best, last = kept.artifacts_of("model")
    assert best.name == last.name
    assert (sorted(best.aliases), list(last.aliases)) == (["best", "latest"], ["latest"])
    for artifact, file in ((best, out / "best.ckpt"), (last, out / "last.ckpt")):
        told = json.loads(artifact.metadata)
        assert [entry.local_path for entry in artifact.manifest.contents] == [str(file)]
        assert told["sha256"] == sha256_of(file)
        assert told["made_from"] == {"data": f"data-{metrics['data_hash'][:12]}", "data_hash": metrics["data_hash"]}
        assert told["contract"]["channels"][0] == "jaw_open"
        assert told["commit"] == metrics["commit"]
    assert json.loads(best.metadata)["val/lip_r"] == pytest.approx(metrics["val/lip_r"])


@pytest.mark.skipif(find_spec("onnxscript") is None, reason="exporting needs the extra `export`")
def test_onnx_is_exported_from_the_best_checkpoint(out: Path, kept: Record) -> None:
    (exported,) = kept.artifacts_of("onnx")
    assert [entry.local_path for entry in exported.manifest.contents] == [str(out / "best.onnx")]
    assert json.loads(exported.metadata)["made_from"]["checkpoint_sha256"] == sha256_of(out / "best.ckpt")


def test_a_run_is_offline_exactly_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY, raising=False)
    assert is_offline()
    monkeypatch.setenv(KEY, "0" * 40)
    assert not is_offline()


def test_a_resumed_run_keeps_the_id_of_the_newest_one(out: Path, tmp_path: Path) -> None:
    (folder,) = out.glob("wandb/offline-run-*")
    assert run_id(str(out), resume=True) == folder.name.split("-")[-1]
    assert run_id(str(out), resume=False) is None
    assert run_id(str(tmp_path), resume=True) is None
    for name in ("offline-run-20260101_000000-older", "run-20260102_000000-newer"):
        (tmp_path / "wandb" / name).mkdir(parents=True)
    os.symlink("offline-run-20260101_000000-older", tmp_path / "wandb" / "latest-run")
    assert run_id(str(tmp_path), resume=True) == "newer"


def test_onnx_knows_its_checkpoint_and_a_reference_has_no_latest_of_its_own(inputs: Path, tmp_path: Path) -> None:
    best, onnx = inputs / "best.ckpt", tmp_path / "best.onnx"
    onnx.write_bytes(b"a graph")
    hashes = {"data_hash": "d" * 64, "split_hash": "s", "features_hash": "f", "guide": None}
    facts = {"train": {}, "val": {}, "test": {}, "speaker_disjoint": True, "spec": "core7"}
    metrics = {**hashes, **facts, "commit": "c", "seed": 0, "best_epoch": 0, "val/lip_r": 0.5}
    metrics |= {"clips": {"val": {"ann_0": {"speaker": "ann"}}}, "speakers": {"val": {"ann": {}}}}
    tracker = WandbLogger(save_dir=tmp_path, offline=True, settings={"silent": True})
    log_results([tracker], tmp_path, metrics=metrics, best=best, last=None, onnx=onnx, probe=None, evaluation=None)
    wandb.teardown()
    (path,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    kept = read(path)
    (checkpoint,), (exported,) = kept.artifacts_of("model"), kept.artifacts_of("onnx")
    assert sorted(checkpoint.aliases) == sorted(exported.aliases) == ["best", "latest"]
    told = json.loads(exported.metadata)
    assert told["sha256"] == sha256_of(onnx)
    assert told["made_from"] == {
        "checkpoint": f"{checkpoint.name}:best",
        "checkpoint_sha256": sha256_of(best),
        "data": "data-dddddddddddd",
        "data_hash": "d" * 64,
    }
    assert "ann" not in json.dumps(kept.summary)


def test_the_document_names_curves_that_exist(kept: Record) -> None:
    text = (CONFIG_FOLDER.parent / "docs" / "tracking.md").read_text("utf-8")
    named = set(re.findall(r"`((?:train|val|probe)/[a-z_]+|lr-AdamW/pg\d)`", text))
    known = {name.removesuffix(".path") for row in kept.history for name in row}
    assert len(named) > 10
    assert named - known == set()


def table(out: Path, kept: Record, name: str) -> list[dict[str, Any]]:
    """Rows of a table that was logged, from its file."""
    (path,) = kept.curve(f"{name}.path")
    (folder,) = out.glob("wandb/offline-run-*/files")
    content = json.loads((folder / str(path)).read_text("utf-8"))
    return [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]


def test_the_evaluation_stands_beside_its_controls_with_intervals(out: Path, kept: Record) -> None:
    record = json.loads((out / "evaluation" / "metrics.json").read_text("utf-8"))
    assert (out / "evaluation" / "report.html").is_file()
    assert record["data"]["split"] == "val"
    wide, figures = table(out, kept, "evaluation/table"), table(out, kept, "evaluation/figures")
    assert [row["row"] for row in wide] == [row["label"] for row in record["rows"].values()]
    own = record["rows"]["model"]["figures"]
    assert (wide[0]["pearson_r"], wide[0]["pearson_r_low"]) == (own["pearson_r"]["value"], own["pearson_r"]["low"])
    assert len(figures) == sum(len(row["figures"]) for row in record["rows"].values())
    assert kept.summary["evaluation/lip_r"] == own["pearson_r"]["value"]
    assert kept.summary["evaluation/lip_r_over_energy"] == record["differences"]["energy"]["pearson_r"]["value"]


def test_the_evaluation_names_no_clip_and_nobody(out: Path, kept: Record) -> None:
    (folder,) = out.glob("wandb/offline-run-*/files")
    written = "".join(path.read_text("utf-8") for path in folder.glob("media/table/**/*.json"))
    captions = json.dumps([row.get("evaluation/curves.captions") for row in kept.history])
    assert "worst: lip r" in captions
    assert "By channel" in written
    for name in ("ann", "bob", "cid"):
        assert f'"{name}' not in written
        assert f"{name}_" not in captions


def names_on(panel: Any) -> set[str]:
    """What a panel of a dashboard shows of the summary and the history."""
    given = [*getattr(panel, "metrics", []), *getattr(panel, "media_keys", [])]
    match type(panel).__name__:
        case "ScatterPlot":
            given += [panel.x, panel.y]
        case "LinePlot":
            given += panel.y
    given += [column.metric for column in getattr(panel, "columns", [])]
    found = {f"config.{one.name}" if type(one).__name__ == "Config" else getattr(one, "name", one) for one in given}
    found |= {panel.table_name} if hasattr(panel, "table_name") else set()
    return found | ({panel.query["summaryTable"]["tableKey"]} if hasattr(panel, "query") else set())


def nested(values: Any, path: str = "") -> set[str]:
    """Dotted paths of all leaves."""
    if not isinstance(values, dict):
        return {path}
    return {path}.union(*(nested(value, f"{path}.{key}" if path else key) for key, value in values.items()))


def test_the_dashboard_names_what_runs_and_leaderboards_log(
    inputs: Path, kept: Record, no_key: None, tmp_path: Path
) -> None:
    pytest.importorskip("wandb_workspaces", reason="dashboards need wandb-workspaces")
    from scripts.wandb_dashboard import groups

    sweep = ranked_sweep(inputs, tmp_path)
    logged = {f"config.{path}" for path in nested(kept.config)}
    for record in (kept, sweep):
        logged |= nested(record.summary) | {name for row in record.history for name in row}
    logged |= {name.rpartition(".")[0] for name in logged}  # media are logged as their parts
    shown = set().union(*(names_on(panel) for group in groups() for panel in group.panels))
    assert {"evaluation/table", "sweep/leaderboard", "sweep/pareto_table", "config.seed"} <= shown
    assert shown - logged == set()


def ranked_sweep(inputs: Path, folder: Path) -> Record:
    """The run of a small sweep's leaderboard."""
    ledger = begin(folder / "sweep")
    add(ledger, 0, 0.3, inputs / "best.ckpt")
    add(ledger, 1, 0.2, None, kind="control", group="energy", axes={}, choice=("models=energy",))
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        leaderboard.main(compose("leaderboard", [f"folder='{ledger.folder}'", "best.pointer=null", "wandb.log=true"]))
    wandb.teardown()
    (path,) = ledger.folder.glob("wandb/offline-run-*/run-*.wandb")
    return read(path)


def test_a_leaderboard_logs_its_best_checkpoint_under_a_name_that_resolves(
    inputs: Path, no_key: None, tmp_path: Path
) -> None:
    register()
    kept = ranked_sweep(inputs, tmp_path)
    (best,) = kept.artifacts_of("model")
    told = json.loads(best.metadata)
    assert (best.name, sorted(best.aliases)) == ("sweep-tiny", ["best", "latest"])
    assert [entry.path for entry in best.manifest.contents] == ["best.ckpt"]
    assert told["sha256"] == sha256_of(tmp_path / "sweep/trials/trial000/run/best.ckpt")
    assert (told["axes"], told["data_hash"], told["commit"]) == ({"models": "tcn", "lookahead": 0}, "ab" * 32, "f00d")
    assert best_artifact("a sweep: 1") == "sweep-a-sweep-1"
