"""The benchmark runs on little and writes a record that says what was measured where."""

import json
from pathlib import Path

from hydra import compose, initialize_config_dir

from scripts.benchmark_data import main
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register

LITTLE = [
    "preparation.width=320",
    "preparation.height=240",
    "preparation.repetitions=1",
    "loader.clips=6",
    "loader.clip_frames=40",
    "loader.manifest_clips=300",
    "loader.windows_per_epoch=64",
    "loader.batch_size=8",
    "loader.repetitions=2",
]


def test_a_record_says_what_was_measured_where(tmp_path: Path) -> None:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        main(compose("benchmark_data", overrides=[f"out={tmp_path / 'record.json'}", *LITTLE]))
    record = json.loads((tmp_path / "record.json").read_text())
    preparation, loader = record["preparation"], record["loader"]
    assert (preparation["film"]["width"], preparation["film"]["height"]) == (320, 240)
    assert set(preparation["realtime_factor"]) == {"plain_loop", "core7"}
    assert preparation["times_as_fast_as_plain_loop"]["core7"] > 0
    assert {"decode", "landmarks", "labels", "write"} <= set(preparation["ms_per_second_of_film"]["core7"])
    for name, workers in (("plain", {"0_workers", "1_workers"}), ("augmented", {"0_workers"})):
        assert set(loader[name]) == workers
        for row in loader[name].values():
            rate = row["windows_per_s"]
            assert 0 < rate["min"] <= rate["median"] <= rate["max"]
            assert set(row["memory_mb"]) == {"start", "end"}
    assert loader["one_by_one"]["1_workers"]["windows_per_s"]["median"] > 0
    assert loader["start_s"]["first"] >= 0
    assert record["machine"]["cores"] >= 1
    assert record["config"]["loader"]["manifest_clips"] == 300
    assert record["question"]
