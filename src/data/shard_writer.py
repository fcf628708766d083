"""Writes a store as shards; `src.data.shards` says what they are and reads them.

The same store gives the same bytes, whenever and wherever. A shard appears complete or not at all, and an export that
was stopped goes on with the first shard that is missing or holds anything else than it should.
"""

import hashlib
import itertools
import json
import logging
import re
import shutil
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from webdataset.writer import TarWriter

from src.data.clip_info import ClipInfo
from src.data.shards import INDEX, SHARDS, SHARDS_VERSION
from src.data.store import MANIFEST, STORE_VERSION, Store, clip_path
from src.errors import DataError
from src.files import replacing, write_json

logger = logging.getLogger(__name__)

_BLOCK = 512
_HEADERS = 2 * 4 * _BLOCK
"""Of the two files of a clip; a long name takes four blocks."""
_OURS = re.compile(r"(train|val|test|all)-\d{6}\.tar(\.sha256)?")


@dataclass(frozen=True)
class _Shard:
    name: str
    part: str
    clip_ids: tuple[str, ...]


def write_shards(store: Store, folder: Path, max_bytes: int, on_clip: Callable[[int, int], None]) -> None:
    """Write a store as shards, or go on with an earlier attempt.

    Args:
        store: a folder of clips.
        folder: for the shards. Shards of another export in it are replaced.
        max_bytes: of a shard; one that holds a single long clip may be larger.
        on_clip: told after every clip how many of how many are done.

    Raises:
        DataError: the store is empty, or a clip in it is missing or not what the manifest says.
    """
    if max_bytes <= 0:
        raise DataError(f"shards of {max_bytes} bytes are impossible. Give shard_mb above 0.")
    if not len(store.clips):
        raise DataError(f"{store.folder}: the store has no clips, so there is nothing to export. Prepare it again.")
    shards = _plan(store, max_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SHARDS).unlink(missing_ok=True)  # what is half new must not open
    _remove_others(folder, {shard.name for shard in shards})
    done = itertools.count(1)
    entries: list[tuple[str, int, int, int]] = []
    contents = []
    for number, shard in enumerate(shards):
        path = folder / shard.name
        digest = _digest_if_complete(store, path, shard)
        if digest is None:
            digest = _write(store, path, shard, lambda: on_clip(next(done), len(store.clips)))
        else:
            for _ in shard.clip_ids:
                on_clip(next(done), len(store.clips))
        entries += [(clip_id, number, offset, size) for clip_id, _, offset, size in _scan(path)]
        size = path.stat().st_size
        contents.append(
            {"name": shard.name, "part": shard.part, "clips": len(shard.clip_ids), "bytes": size, "sha256": digest}
        )
    _write_index(folder / INDEX, entries)
    with replacing(folder / MANIFEST) as unfinished:
        shutil.copyfile(store.folder / MANIFEST, unfinished)
    hashes = {"content_hash": store.content_hash, "split_hash": store.split_hash}
    versions = {"shards_version": SHARDS_VERSION, "store_version": STORE_VERSION}
    write_json(folder / SHARDS, versions | hashes | {"clips": len(store.clips), "shards": contents})
    logger.info("%d clips in %d shards: %s", len(store.clips), len(shards), folder)


def _plan(store: Store, max_bytes: int) -> list[_Shard]:
    """Which clips go into which shard, by part and then by chance that follows from the ids."""
    parts: dict[str, list[tuple[bytes, str, int]]] = defaultdict(list)
    for info in store.clips:
        path = clip_path(store.folder, info.clip_id)
        if not path.is_file():
            raise DataError(
                f"{path}: the clip is missing. Run `python -m scripts.prepare_data` again: it makes what is missing."
            )
        size = _HEADERS + _blocks(path.stat().st_size) + _blocks(len(_row(info)))
        order = hashlib.sha256(info.clip_id.encode()).digest()
        parts[info.split or "all"].append((order, info.clip_id, size))
    shards = []
    for part, clips in sorted(parts.items()):
        groups: list[list[str]] = [[]]
        room = max_bytes - tarfile.RECORDSIZE  # which the end of the file is filled up to
        for _, clip_id, size in sorted(clips):
            if groups[-1] and size > room:
                groups.append([])
                room = max_bytes - tarfile.RECORDSIZE
            groups[-1].append(clip_id)
            room -= size
        shards += [_Shard(f"{part}-{number:06d}.tar", part, tuple(ids)) for number, ids in enumerate(groups)]
    return shards


def _write(store: Store, path: Path, shard: _Shard, on_clip: Callable[[], None]) -> str:
    """Write a shard and its hash, atomically, and give the hash."""
    with replacing(path) as unfinished:
        with open(unfinished, "wb") as opened:
            file = _HashingFile(opened)
            # No owner and no date: equal content gives equal bytes.
            with TarWriter(file, user="", group="", mode=0o644, encoder=False, mtime=0) as tar:
                for clip_id in shard.clip_ids:
                    info = store.info(clip_id)
                    clip = clip_path(store.folder, clip_id)
                    content = clip.read_bytes()
                    if hashlib.sha256(content).hexdigest() != info.clip_sha256:
                        raise DataError(
                            f"{clip}: the clip is not what the manifest says. Delete it and run "
                            "`python -m scripts.prepare_data` again."
                        )
                    tar.write({"__key__": _key(clip_id), "json": _row(info), "safetensors": content})
                    on_clip()
        digest = file.digest.hexdigest()
        # Before the shard itself: a shard without a hash could not be told from one that is complete.
        _hash_path(path).unlink(missing_ok=True)
    with replacing(_hash_path(path)) as unfinished:
        unfinished.write_text(f"{digest}  {path.name}\n", "utf-8", newline="\n")
    return digest


def _digest_if_complete(store: Store, path: Path, shard: _Shard) -> str | None:
    """The hash of a shard that an earlier export wrote, if it holds the same clips with the same rows."""
    try:
        digest = _hash_path(path).read_text("utf-8").split()[0]
        found = [(clip_id, row) for clip_id, row, _, _ in _scan(path)]
    except (OSError, IndexError, tarfile.TarError):
        return None
    return digest if found == [(clip_id, _row(store.info(clip_id))) for clip_id in shard.clip_ids] else None


def _scan(path: Path) -> Iterator[tuple[str, bytes, int, int]]:
    """Clip id, row, and offset and size of the clip's file, for each clip in a shard."""
    with tarfile.open(path, "r:") as tar:
        row = b""
        for member in tar:
            stem, _, ending = member.name.rpartition(".")
            if ending == "json":
                opened = tar.extractfile(member)
                row = opened.read() if opened is not None else b""
            else:
                yield unquote(stem), row, member.offset_data, member.size


def _write_index(path: Path, entries: list[tuple[str, int, int, int]]) -> None:
    clip_ids, *numbers = zip(*sorted(entries), strict=True)
    names = ("shard", "offset", "size")
    columns = {"clip_id": pa.array(clip_ids, pa.string())} | {
        name: pa.array(values, pa.int64()) for name, values in zip(names, numbers, strict=True)
    }
    with replacing(path) as unfinished:
        pq.write_table(pa.table(columns), unfinished)


def _remove_others(folder: Path, names: set[str]) -> None:
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path.name.removesuffix(".sha256") not in names:
            logger.info("%s is of another export and goes", path)
            path.unlink()


def _row(info: ClipInfo) -> bytes:
    return json.dumps(asdict(info), sort_keys=True, ensure_ascii=False).encode()


def _key(clip_id: str) -> str:
    return clip_id.replace("%", "%25").replace(".", "%2E")


def _hash_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


class _HashingFile:
    """Passes on what is written, and hashes it on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)
