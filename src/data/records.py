"""What became of each source, on disk: `sources/<source_id>.json`, one small file per source.

A record is written, in one step, after the clips of its source. A clip that no record names is the work of a run
that was stopped. Records hold neither dates nor machine paths, so that equal work leaves equal bytes.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from src.data.layouts import Source
from src.data.rejection import MediaError, Reason
from src.data.store import clip_path
from src.files import write_json

SOURCES = "sources"


@dataclass(frozen=True)
class CutStretch:
    """A stretch of a source that became no clip, in seconds of presentation time, and the code of the reason."""

    start_s: float
    end_s: float
    reason: Reason


@dataclass(frozen=True)
class SourceRecord:
    """What became of a source.

    Attributes:
        path: its name (`Source.name`).
        source_sha256: of the file's bytes.
        config_hash: of the settings it was prepared with.
        fix_offset: whether a found offset was to be corrected.
        seconds: how long picture and sound last together, 0 if that is not known.
        clips: SHA-256 of each clip's file by its id; empty if the source was refused.
        cut: what was left out.
        offset_ms, offset_confidence: how much later the sound is than the picture, as estimated.
        offset_fixed: whether that was corrected.
        reason: `code: sentence` if it was refused, otherwise empty.
        timeout_s: how long it took without an end if that is why, otherwise 0.
    """

    path: str
    source_sha256: str
    config_hash: str
    fix_offset: bool
    seconds: float
    clips: dict[str, str]
    cut: tuple[CutStretch, ...]
    offset_ms: float
    offset_confidence: float
    offset_fixed: bool
    reason: str
    timeout_s: float = 0.0


def source_id_of(name: str) -> str:
    """File name for a source: readable, and unique by a piece of its name's hash."""
    stem = re.sub(r"[^A-Za-z0-9._]+", "-", name.rsplit(".", 1)[0])[-80:].strip("-.") or "clip"
    return f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def record_path(folder: Path, name: str) -> Path:
    """Where a store keeps the record of a source."""
    return folder / SOURCES / f"{source_id_of(name)}.json"


def read_record(path: Path) -> SourceRecord | None:
    """The record in a file; None where there is none of this version."""
    try:
        content = json.loads(path.read_text("utf-8"))
        cut = tuple(CutStretch(start_s, end_s, Reason(reason)) for start_s, end_s, reason in content.pop("cut"))
        return SourceRecord(**content, cut=cut)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_record(folder: Path, record: SourceRecord) -> None:
    """Write the record of a source into a store, in one step."""
    content = asdict(record) | {"cut": [[each.start_s, each.end_s, each.reason] for each in record.cut]}
    write_json(record_path(folder, record.path), content)


def remember(folder: Path, record: SourceRecord) -> None:
    """Write the record of a source, and remove those clips of it that an earlier run made and this one did not."""
    earlier = read_record(record_path(folder, record.path))
    write_record(folder, record)
    if earlier is not None:
        for clip_id in earlier.clips.keys() - record.clips.keys():
            clip_path(folder, clip_id).unlink(missing_ok=True)


def refuse(
    folder: Path, source: Source, error: MediaError, source_sha256: str, config_hash: str, *,
    seconds: float = 0.0, timeout_s: float = 0.0,
) -> SourceRecord:  # fmt: skip
    """Write down why a source was refused, so that resuming does not try it again, and drop its old clips."""
    refused = refused_record(source, error, source_sha256, config_hash)
    record = replace(refused, seconds=seconds, timeout_s=timeout_s)
    remember(folder, record)
    return record


def refused_record(source: Source, error: MediaError, source_sha256: str, config_hash: str) -> SourceRecord:
    """The record of a source that gave no clips."""
    return SourceRecord(
        path=source.name,
        source_sha256=source_sha256,
        config_hash=config_hash,
        fix_offset=source.fix_offset,
        seconds=0.0,
        clips={},
        cut=(),
        offset_ms=0.0,
        offset_confidence=0.0,
        offset_fixed=False,
        reason=f"{error.reason}: {error.sentence}",
    )
