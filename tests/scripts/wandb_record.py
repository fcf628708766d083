"""A `.wandb` file of an offline run, read back through W&B's own reader."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore


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
