"""A store as a handful of large files, for training on many machines: WebDataset tar shards.

A folder of shards holds

* `<part>-000000.tar` and so on: for each clip `<key>.json`, its manifest row, and `<key>.safetensors`, its file as the
  store has it. `<part>` is `train`, `val` or `test`, or `all` where no split was drawn; the clips of a part are spread
  over its shards by chance, so that any shard is a sample of the part. `<key>` is the clip's id with `.` written `%2E`
  and `%` written `%25`, because to WebDataset a name ends at its first dot;
* `<part>-000000.tar.sha256`: to check a copy with `sha256sum -c`;
* `manifest.parquet`: that of the store;
* `index.parquet`: for each row of the manifest the shard, and where in it the clip's file starts and how long it is;
* `shards.json`: the shards with their sizes and hashes, and the hashes of the store. It is written last.

There are two ways to read them. `open_shards` gives a `Store` with everything that a folder of clips can do, reading
single clips in place. `stream` reads whole shards from start to end, as disks and object stores like it.
`src.data.shard_writer` makes them.
"""

import io
import json
import random
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from src.data.clip_info import ClipInfo, ClipTable
from src.data.store import MANIFEST, Clip, Store, clip_of, clip_path
from src.errors import DataError
from src.files import replacing, sha256_of
from src.motion import CORE7

SHARDS = "shards.json"
INDEX = "index.parquet"
SHARDS_VERSION = 1

_DTYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8"} | {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}


class ShardStore(Store):
    """A folder of shards, for reading like any other store. Open it with `open_shards`.

    Attributes:
        names: file names of the shards.
    """

    def __init__(self, folder: Path, clips: ClipTable, names: Sequence[str], index: pa.Table) -> None:
        super().__init__(folder, clips)
        self.names = tuple(names)
        self._shard, self._offset, self._size = (index.column(name).to_numpy() for name in ("shard", "offset", "size"))

    def _read(self, clip_id: str, *names: str) -> list[NDArray[Any]]:
        row = self._row_of[clip_id]
        path = self.folder / self.names[self._shard[row]]
        offset, size = int(self._offset[row]), int(self._size[row])
        try:
            # Opened each time: no open file has to survive a fork or to be shared by threads.
            with open(path, "rb") as file:
                return read_tensors(file, offset, size, names)
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"{path}: clip {clip_id!r} can't be read ({error}). Check the shard with `sha256sum -c {path.name}"
                ".sha256`, and copy or export it again."
            ) from error


def open_shards(folder: Path | str) -> ShardStore:
    """Open a folder of shards.

    Raises:
        DataError: it is none, its export did not end, or its files do not belong together.
    """
    folder = Path(folder)
    contents = _contents(folder)
    store = Store.open(folder)
    try:
        index = pq.read_table(folder / INDEX)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{folder / INDEX}: not readable ({error}). Copy it again, or export the store again."
        ) from error
    if not index.column("clip_id").equals(store.clips.table.column("clip_id")):
        raise DataError(
            f"{folder}: {INDEX} and {MANIFEST} list other clips. Copy both from the same export, or export again."
        )
    return ShardStore(folder, store.clips, [shard["name"] for shard in contents["shards"]], index)


def open_store(folder: Path | str) -> Store:
    """Open prepared clips in either form: a folder of clips, or of shards."""
    return open_shards(folder) if (Path(folder) / SHARDS).is_file() else Store.open(folder)


def shard_urls(
    folder: Path | str, part: str, *, seed: int, epoch: int, reader: int = 0, num_readers: int = 1
) -> list[str]:
    """Which shards one reader of several has to read in an epoch, in order.

    Every epoch deals all shards of a part anew. Readers get as many as each other, or one more: a part's readers see
    about the same number of clips, not exactly; train for a number of steps.

    Args:
        folder: with the shards.
        part: of the split, or `all` where none was drawn.
        seed: of the order.
        epoch: from 0.
        reader: from 0; with nodes and loader workers, `node * num_workers + worker`.
        num_readers: nodes times workers.

    Raises:
        DataError: there is no such part, or it has fewer shards than readers.
    """
    shards = _contents(Path(folder))["shards"]
    names = [shard["name"] for shard in shards if shard["part"] == part]
    if not names:
        known = ", ".join(sorted({shard["part"] for shard in shards}))
        raise DataError(f"{folder}: there are no shards of part {part!r}; there are those of {known}.")
    if len(names) < num_readers or not 0 <= reader < num_readers:
        raise DataError(
            f"{folder}: part {part!r} has {len(names)} shards for {num_readers} readers (this one is {reader}, from "
            "0). Use fewer, or export smaller shards with `python -m scripts.export_shards shard_mb=...`."
        )
    random.Random(f"{seed} {epoch}").shuffle(names)
    return [str(Path(folder) / name) for name in names[reader::num_readers]]


def stream(urls: Sequence[str], *, spec: str = CORE7.name, buffer_clips: int, seed: int) -> Iterator[Clip]:
    """The clips of some shards, each shard read once from start to end.

    Args:
        urls: files as `shard_urls` gives them, or whatever else `webdataset` opens: `https://...`, or
            `pipe:aws s3 cp s3://... -`.
        spec: name of the motion specification.
        buffer_clips: how many clips are mixed with each other; 1 keeps their order. An 8 s clip takes 0.3 MB, three
            times that if landmarks are stored.
        seed: of the mixing; equal seeds give equal orders.

    Raises:
        DataError: a shard is missing or damaged, or was prepared without this specification.
    """
    import webdataset  # it loads much, and those who read single clips need none of it

    pipeline = webdataset.DataPipeline(
        webdataset.SimpleShardList(list(urls)),
        webdataset.tarfile_to_samples(),
        webdataset.shuffle(buffer_clips, initial=buffer_clips, rng=random.Random(seed)),
    )
    samples = iter(pipeline)
    while True:
        try:
            sample = next(samples)
        except StopIteration:
            return
        except (OSError, ValueError, tarfile.TarError) as error:
            raise DataError(
                f"a shard can't be read ({error}). Check the copies with `sha256sum -c *.sha256`."
            ) from error
        yield _clip(sample, spec)


def unpack_shards(folder: Path | str, out: Path) -> Store:
    """Make a folder of clips of shards again. Clips that are there already stay.

    Raises:
        DataError: a shard is damaged.
    """
    store = open_shards(folder)
    for row, info in enumerate(store.clips):
        path = clip_path(out, info.clip_id)
        if path.is_file() and sha256_of(path) == info.clip_sha256:
            continue
        shard = store.folder / store.names[store._shard[row]]
        with replacing(path) as unfinished:
            with open(shard, "rb") as file:
                file.seek(int(store._offset[row]))
                unfinished.write_bytes(file.read(int(store._size[row])))
            if sha256_of(unfinished) != info.clip_sha256:
                raise DataError(f"{shard}: clip {info.clip_id!r} is damaged. Copy the shard again.")
    with replacing(out / MANIFEST) as unfinished:
        shutil.copyfile(store.folder / MANIFEST, unfinished)
    return Store.open(out)


def read_tensors(file: BinaryIO, offset: int, size: int, names: Sequence[str]) -> list[NDArray[Any]]:
    """Some tensors of a safetensors file that lies inside another file; what is not asked for is not read.

    Args:
        file: the outer file.
        offset, size: of the inner one, in bytes.
        names: of the tensors.

    Raises:
        ValueError: it is no safetensors file, or it ends too early.
        KeyError: there is no such tensor.
    """
    # Length of the header, 8 bytes; the header, JSON; the tensors: https://huggingface.co/docs/safetensors
    file.seek(offset)
    header_size = int.from_bytes(file.read(8), "little")
    if not 2 <= header_size <= size - 8:
        raise ValueError("its header is damaged")
    header = json.loads(file.read(header_size))
    tensors = []
    for name in names:
        begin, end = header[name]["data_offsets"]
        if not 0 <= begin <= end <= size - 8 - header_size:
            raise ValueError(f"{name} lies outside of it")
        data = bytearray(end - begin)
        file.seek(offset + 8 + header_size + begin)
        if file.readinto(data) != len(data):  # type: ignore[attr-defined]
            raise ValueError("the file ends too early")
        tensors.append(np.frombuffer(data, _DTYPES[header[name]["dtype"]]).reshape(header[name]["shape"]))
    return tensors


def _clip(sample: dict[str, Any], spec: str) -> Clip:
    try:
        info, content = ClipInfo(**json.loads(sample["json"])), sample["safetensors"]
        return clip_of(
            info,
            spec,
            lambda *names: read_tensors(io.BytesIO(content), 0, len(content), names),
            where=sample["__url__"],
            remedy="Prepare the store again with `python -m scripts.prepare_data` and export it again.",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{sample['__url__']}: {sample['__key__']} is no clip ({error}). Check the shard with `sha256sum -c`."
        ) from error


def _contents(folder: Path) -> dict[str, Any]:
    path = folder / SHARDS
    try:
        contents: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder}: not a complete folder of shards, {SHARDS} can't be read ({error}). Make one with "
            f"`python -m scripts.export_shards store=<store> out={folder}`."
        ) from error
    if contents.get("shards_version") != SHARDS_VERSION:
        raise DataError(
            f"{path}: shards of version {contents.get('shards_version')}, this program reads version "
            f"{SHARDS_VERSION}. Export the store again with `python -m scripts.export_shards`."
        )
    return contents
