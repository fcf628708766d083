import io
import json
import tarfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import webdataset

from src.data.shard_writer import write_shards
from src.data.shards import SHARDS, ShardStore, open_shards, open_store, shard_urls, stream, unpack_shards
from src.data.store import Clip, Store, clip_path, write_clip, write_manifest
from src.errors import DataError
from src.files import sha256_of
from src.motion import CORE7, SPECS, Motion
from tests.tiny_store import write_tiny_store

SHARD_BYTES = 75_000
PARTS = {"ann": "train", "bob": "train", "eve": "val"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Clips of three speakers, 16 kB each, in two parts; two of them with names that tar files make hard."""
    tiny = write_tiny_store(tmp_path / "store", {"ann": [10] * 8, "bob": [12] * 4, "eve": [10] * 3})
    rows = [replace(info, split=PARTS[info.speaker]) for info in tiny.clips]
    landmarks = np.random.default_rng(0).uniform(0, 64, (4, 478, 3)).astype(np.float32)
    motion = Motion(np.zeros((4, CORE7.size), np.float32), CORE7)
    for clip_id in ("eve.50%.first", "x" * 120):
        info = replace(rows[-1], clip_id=clip_id, frames=4, samples=2560)
        rows.append(write_clip(tmp_path / "store", info, np.zeros(2560, np.float32), [motion], landmarks))
    return write_manifest(tmp_path / "store", rows)


def export(store: Store, folder: Path, max_bytes: int = SHARD_BYTES) -> ShardStore:
    write_shards(store, folder, max_bytes, lambda done, total: None)
    return open_shards(folder)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in sorted(folder.iterdir())}


def assert_same(one: Clip, other: Clip) -> None:
    assert one.info == other.info
    assert np.array_equal(one.waveform, other.waveform)
    assert np.array_equal(one.motion.values, other.motion.values)
    assert np.array_equal(one.motion.valid, other.motion.valid)


def test_shards_are_read_like_the_store(store: Store, tmp_path: Path) -> None:
    shards = export(store, tmp_path / "shards")
    assert list(shards.clips) == list(store.clips)
    assert (shards.content_hash, shards.split_hash) == (store.content_hash, store.split_hash)
    for info in store.clips:
        assert_same(shards.load(info.clip_id), store.load(info.clip_id))
        assert shards.load_motion(info.clip_id).start_s == info.motion_start_s
    assert np.array_equal(shards.load_landmarks("eve.50%.first"), store.load_landmarks("eve.50%.first"))
    with pytest.raises(DataError, match="no clip 'nobody'"):
        shards.load("nobody")


def test_a_store_opens_in_either_form(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "shards")
    assert isinstance(open_store(tmp_path / "shards"), ShardStore)
    assert type(open_store(store.folder)) is Store


def test_every_clip_is_in_one_shard_of_its_part_that_is_no_larger_than_asked(store: Store, tmp_path: Path) -> None:
    shards = export(store, tmp_path / "shards")
    assert [name.split("-")[0] for name in shards.names] == ["train"] * 4 + ["val"] * 2
    seen = []
    for name in shards.names:
        assert (tmp_path / "shards" / name).stat().st_size <= SHARD_BYTES
        with tarfile.open(tmp_path / "shards" / name) as tar:
            members = tar.getmembers()
            assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
            rows = [json.load(tar.extractfile(member)) for member in members[::2]]  # type: ignore[arg-type]
            clips = [tar.extractfile(member).read() for member in members[1::2]]  # type: ignore[union-attr]
        for row, clip in zip(rows, clips, strict=True):
            assert row == asdict(store.info(row["clip_id"]))
            assert clip == clip_path(store.folder, row["clip_id"]).read_bytes()
            assert row["split"] == name.split("-")[0]
        seen += [row["clip_id"] for row in rows]
    assert sorted(seen) == store.clips.column("clip_id")


def test_equal_stores_give_equal_bytes(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "one")
    export(store, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_stopped_export_goes_on_where_it_was(store: Store, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    export(store, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        write_shards(store, tmp_path / "shards", SHARD_BYTES, stop)
    with pytest.raises(DataError, match=r"not a complete folder of shards, shards.json"):
        open_shards(tmp_path / "shards")
    first = tmp_path / "shards" / "train-000000.tar"
    inode = first.stat().st_ino
    export(store, tmp_path / "shards")
    assert first.stat().st_ino == inode
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")


def test_only_what_changed_is_written_again(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "shards")
    before = {path.name: path.stat().st_ino for path in (tmp_path / "shards").glob("*.tar")}
    rows = [replace(info, language="de") if info.speaker == "eve" else info for info in store.clips]
    export(write_manifest(store.folder, rows), tmp_path / "shards")
    after = {path.name: path.stat().st_ino for path in (tmp_path / "shards").glob("*.tar")}
    assert {name for name in after if after[name] == before[name]} == {n for n in before if n.startswith("train")}


def test_shards_of_another_export_go(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "shards")
    (tmp_path / "shards" / "notes.txt").touch()
    export(store, tmp_path / "shards", max_bytes=10**9)
    export(store, tmp_path / "fresh", max_bytes=10**9)
    (tmp_path / "shards" / "notes.txt").unlink()
    assert contents(tmp_path / "shards") == contents(tmp_path / "fresh")


def test_streaming_gives_every_clip_of_a_part_once(store: Store, tmp_path: Path) -> None:
    shards = export(store, tmp_path / "shards")
    urls = shard_urls(tmp_path / "shards", "train", seed=0, epoch=0)
    clips = list(stream(urls, buffer_clips=4, seed=0))
    assert sorted(clip.info.clip_id for clip in clips) == [
        info.clip_id for info in store.clips if info.split == "train"
    ]
    for clip in clips:
        assert_same(clip, shards.load(clip.info.clip_id))


def test_a_seed_and_an_epoch_decide_the_order(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "shards")

    def order(seed: int, epoch: int) -> list[str]:
        urls = shard_urls(tmp_path / "shards", "train", seed=seed, epoch=epoch)
        return [clip.info.clip_id for clip in stream(urls, buffer_clips=4, seed=seed)]

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(0, 0)), tuple(order(0, 1)), tuple(order(1, 0))}) == 3


@pytest.mark.parametrize("num_readers", [1, 3, 4])
def test_readers_share_the_shards_of_a_part(store: Store, tmp_path: Path, num_readers: int) -> None:
    export(store, tmp_path / "shards")
    urls = [
        shard_urls(tmp_path / "shards", "train", seed=0, epoch=3, reader=reader, num_readers=num_readers)
        for reader in range(num_readers)
    ]
    assert sorted(url for each in urls for url in each) == [
        str(tmp_path / "shards" / f"train-{number:06d}.tar") for number in range(4)
    ]
    assert max(map(len, urls)) - min(map(len, urls)) <= 1


def test_more_readers_than_shards_and_unknown_parts_are_refused(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "shards")
    with pytest.raises(DataError, match=r"part 'val' has 2 shards for 3 readers.*shard_mb"):
        shard_urls(tmp_path / "shards", "val", seed=0, epoch=0, reader=0, num_readers=3)
    with pytest.raises(DataError, match=r"no shards of part 'test'; there are those of train, val"):
        shard_urls(tmp_path / "shards", "test", seed=0, epoch=0)


def test_webdataset_reads_the_shards_without_our_code(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "shards")
    urls = [str(path) for path in sorted((tmp_path / "shards").glob("*.tar"))]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
    assert sorted(sample["json"]["clip_id"] for sample in samples) == store.clips.column("clip_id")


def test_unpacking_gives_the_store_again(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "shards")
    unpacked = unpack_shards(tmp_path / "shards", tmp_path / "again")
    assert sha256_of(unpacked.folder) == sha256_of(store.folder)


def test_a_store_that_is_not_what_it_says_is_not_exported(store: Store, tmp_path: Path) -> None:
    path = clip_path(store.folder, "ann_3")
    path.write_bytes(path.read_bytes()[:-1] + b"\7")
    with pytest.raises(DataError, match=r"ann_3.safetensors: the clip is not what the manifest says"):
        export(store, tmp_path / "shards")
    path.unlink()
    with pytest.raises(DataError, match=r"ann_3.safetensors: the clip is missing"):
        export(store, tmp_path / "shards")
    with pytest.raises(DataError, match="no clips"):
        export(write_manifest(tmp_path / "empty", []), tmp_path / "shards")
    with pytest.raises(DataError, match="0 bytes"):
        export(store, tmp_path / "shards", max_bytes=0)


def test_a_damaged_copy_is_named(store: Store, tmp_path: Path) -> None:
    shards = export(store, tmp_path / "shards")
    path = tmp_path / "shards" / "val-000001.tar"
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    ids = [info.clip_id for info in store.clips if info.split == "val"]
    with pytest.raises(DataError, match=r"val-000001.tar: clip .* can't be read.*sha256sum -c val-000001.tar.sha256"):
        for clip_id in ids:
            shards.load(clip_id)
    with pytest.raises(DataError, match="a shard can't be read"):
        list(stream([str(path)], buffer_clips=1, seed=0))
    path.unlink()
    with pytest.raises(DataError, match="a shard can't be read"):
        list(stream([str(path)], buffer_clips=1, seed=0))
    path.write_bytes(whole.replace(b"\0\0\0\0", b"\1\0\0\0"))
    with pytest.raises(DataError):
        unpack_shards(tmp_path / "shards", tmp_path / "again")


def test_files_of_different_exports_are_not_mixed(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "shards")
    write_tiny_store(tmp_path / "other", {"zoe": [10]})
    (tmp_path / "shards" / "manifest.parquet").write_bytes((tmp_path / "other" / "manifest.parquet").read_bytes())
    with pytest.raises(DataError, match="list other clips"):
        open_shards(tmp_path / "shards")
    content = json.loads((tmp_path / "shards" / SHARDS).read_text())
    (tmp_path / "shards" / SHARDS).write_text(json.dumps(content | {"shards_version": 9}))
    with pytest.raises(DataError, match="shards of version 9"):
        open_shards(tmp_path / "shards")


def test_a_sample_that_is_no_clip_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "odd.tar", "w") as tar:
        member = tarfile.TarInfo("picture.jpg")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(DataError, match="picture is no clip"):
        list(stream([str(tmp_path / "odd.tar")], buffer_clips=1, seed=0))


def test_a_specification_that_was_not_prepared_is_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SPECS, "other", replace(CORE7, name="other"))
    shards = export(store, tmp_path / "shards")
    with pytest.raises(DataError, match="holds core7:1, not other"):
        shards.load("ann_0", "other")
    with pytest.raises(DataError, match="holds core7:1, not other"):
        list(stream(shard_urls(tmp_path / "shards", "val", seed=0, epoch=0), spec="other", buffer_clips=1, seed=0))
