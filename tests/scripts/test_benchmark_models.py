"""The benchmark runs on one small network and writes a record that says what was measured where."""

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from scripts.benchmark_models import main
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register

LITTLE = [
    "~networks.lstm",
    "~networks.transformer",
    "networks.tcn.net.hidden_size=8",
    "live.sound_s=2",
    "live.warm_up=2",
    "live.blocks=20",
    "live.hour_blocks=30",
    "epoch.clips=40",
    "epoch.clip_frames=100",
    "epoch.threads=[1]",
    "epoch.repetitions=1",
]


def test_every_network_is_measured_unless_told_otherwise() -> None:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        config = compose("benchmark_models", overrides=["out=record.json"])
    assert list(config.networks) == ["tcn", "lstm", "transformer"]
    assert config.live.hour_blocks == 90_000


@pytest.mark.slow
def test_a_record_says_what_was_measured_where(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="exporting is an extra")
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        main(compose("benchmark_models", overrides=[f"out='{tmp_path / 'record.json'}'", *LITTLE]))
    record = json.loads((tmp_path / "record.json").read_text())
    (network,) = record["networks"].values()
    roads = [*network["block_us"].values(), *network["step_us"].values(), network["hour"]["block_us"]]
    assert len(roads) == 5
    for figures in roads:
        for clock in ("wall", "cpu"):
            assert 0 < figures[clock]["p50"] <= figures[clock]["p95"] <= figures[clock]["p99"] <= figures[clock]["max"]
    assert set(network["block_us"]) == {"NumPy features and step", "graph with front end"}
    assert all(0 < worst < 1e-4 for worst in network["parity"].values())
    assert network["algorithmic_latency_ms"]["total"] == pytest.approx(102.5)
    assert network["hour"]["blocks"] == 30
    assert len(network["hour"]["rss_mb"]) == 10
    assert network["epoch"]["1_threads"]["seconds"]["median"] > 0
    assert network["epoch"]["1_threads"]["hours_of_features"] > 0
    assert record["machine"]["cores"] >= 1
    assert record["question"]
    assert record["config"]["live"]["blocks"] == 20
