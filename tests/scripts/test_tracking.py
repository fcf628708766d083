"""A run with `logger=wandb` and no key, read back through W&B's own reader: what a reviewer needs is in it."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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
from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from scripts.tracking import is_offline, log_results, run_id
from scripts.train import main
from src.files import sha256_of
from tests.tiny_store import write_tiny_store

KEY = "WANDB_API_KEY"
TERMS = ("reconstruction", "velocity", "smoothness", "concordance")


@dataclass
class Record:
    """What W&B will send of a run."""

    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: list[Any] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    exit_codes: list[int] = field(default_factory=list)

    def curve(self, name: str) -> list[float]:
        return [row[name] for row in self.history if name in row]

    def artifacts_of(self, kind: str) -> list[Any]:
        return [artifact for artifact in self.artifacts if artifact.type == kind]


def read(path: Path) -> Record:
    """A `.wandb` file, record by record."""
    opened, record = DataStore(), Record()
    opened.open_for_scan(str(path))
    while (data := opened.scan_data()) is not None:
        entry = wandb_internal_pb2.Record()
        entry.ParseFromString(data)
        match entry.WhichOneof("record_type"):
            case "config":
                record.config |= {item.key: json.loads(item.value_json) for item in entry.config.update}
            case "history":
                record.history.append({name_of(item): json.loads(item.value_json) for item in entry.history.item})
            case "summary":
                record.summary |= {name_of(item): json.loads(item.value_json) for item in entry.summary.update}
            case "artifact":
                record.artifacts.append(entry.artifact)
            case "files":
                record.files |= {file.path for file in entry.files.files}
            case "exit":
                record.exit_codes.append(entry.exit.exit_code)
    return record


def name_of(item: Any) -> str:
    return item.key or ".".join(item.nested_key)


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
    write_tiny_store(folder / "store", {"ann": [70, 45], "bob": [60], "cid": [50]})
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
    log_results([tracker], tmp_path, metrics=metrics, best=best, last=None, onnx=onnx, probe=None)
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
