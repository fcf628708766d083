"""Whatever is in a package, it loads or is refused with one clear error, in little memory, and leaves nothing behind.

`test_avatar_schema.py` and `test_avatar_archive.py` search with Hypothesis; here whole packages are damaged in ways
that are meant. Cases are numbers: `A2M_FUZZ=100000 pytest tests/render/test_package_fuzz.py` tries more of them.
"""

import hashlib
import json
import os
import random
import resource
import shutil
import struct
import zipfile
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.avatar_archive import write_archive
from src.render.avatar_checks import checks_of
from src.render.avatar_files import as_npy
from src.render.avatar_package import pack_avatar, unpack_avatar
from src.render.avatar_picture import pose_frames
from src.render.avatar_schema import FILES as NAMES
from src.render.mesh import MeshRenderer
from tests.render.damage import damaged, png_that_claims, with_right_checksums
from tests.render.portraits import drawn_avatar
from tests.render.test_avatar_checks import TODAY

CASES = int(os.environ.get("A2M_FUZZ", "200"))
FILES = drawn_avatar().files()
LARGE_KB = 50_000
"""What no refusal may take."""


def described(content: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    """A package whose description fits its files, but for some values."""
    said = json.loads(FILES["avatar.json"])
    said["sha256"] = {name: hashlib.sha256(content[name]).hexdigest() for name in said["sha256"]}
    return content | {"avatar.json": json.dumps(said | changes).encode()}


def loads_or_is_refused(path: Path) -> bool:
    """Whether it loaded. Unpacking comes out the same way, and nothing stays beside the package."""
    loaded = False
    with suppress(RenderError):
        loaded = Avatar.load(path).matte.ndim == 2
    out = path.parent / "out"
    with suppress(RenderError):
        unpack_avatar(path, out)
    assert out.exists() == loaded
    assert not loaded or Avatar.load(out).files()
    assert {one.name for one in path.parent.iterdir()} <= {path.name, "out"}
    if loaded:
        shutil.rmtree(out)
    return loaded


def is_refused(path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not loads_or_is_refused(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < LARGE_KB


def zipped(path: Path, entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_no_damage_of_a_packed_avatar_crashes_or_leaves_anything(tmp_path: Path) -> None:
    path = tmp_path / "one.avatar"
    write_archive(FILES, path)
    raw, rng = path.read_bytes(), random.Random(0)
    directory = len(raw) - 600
    for _ in range(CASES):
        if rng.random() < 0.5:
            path.write_bytes(damaged(raw, rng))
        else:
            path.write_bytes(raw[:directory] + damaged(raw[directory:], rng))
        loads_or_is_refused(path)


def test_no_damage_of_files_crashes_though_all_hashes_are_right(tmp_path: Path) -> None:
    rng, path, loaded = random.Random(1), tmp_path / "one.avatar", 0
    for _ in range(CASES):
        name = rng.choice(sorted(FILES))
        harmed = with_right_checksums if name.endswith("png") else damaged
        new = FILES | {name: harmed(FILES[name], rng)}
        write_archive(new if name == "avatar.json" else described(new), path)
        loaded += loads_or_is_refused(path)
        checks, avatar = checks_of(new, "one", today=TODAY)
        assert checks
        assert avatar is None or avatar.size == 256
    assert 0 < loaded < CASES


def test_no_value_of_any_key_crashes(tmp_path: Path) -> None:
    said, path = json.loads(FILES["avatar.json"]), tmp_path / "one"
    drawn_avatar().save(path)
    absurd = [
        "10" * 4000, "-" + "9" * 30_000, "1e999", "-0.0", "NaN", "Infinity", "true", "null", '""', '"\\ud800"',
        '"\\u0000"', '"../../etc/passwd"', '"' + "x" * 60_000 + '"', '"\\u202e\\u0627\U0001f600"', "[]", "{}",
        "[" * 5000 + "]" * 5000, '{"a":' * 5000 + "1" + "}" * 5000, '{"kind": "own", "kind": "coloured"}',
    ]  # fmt: skip
    extra = ["amplitude", "idle", "background_policy", "renderers", "consent", "voice", "minimum_engine_version", "?"]
    for key in [*said, *extra]:
        for value in absurd:
            members = [f"{json.dumps(name)}: {json.dumps(own)}" for name, own in said.items() if name != key]
            text = "{" + ", ".join([*members, f"{json.dumps(key)}: {value}"]) + "}"
            (path / "avatar.json").write_bytes(text.encode())
            with suppress(RenderError):
                Avatar.load(path, today=TODAY)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "cp037"])
def test_other_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    drawn_avatar().save(tmp_path / "one")
    (tmp_path / "one" / "avatar.json").write_bytes(FILES["avatar.json"].decode().encode(encoding))
    is_refused(tmp_path / "one")


def test_swapped_files_are_refused_with_wrong_hashes_and_with_right_ones(tmp_path: Path) -> None:
    kinds = {"source.png": "rgb", "background.png": "rgb", "matte.png": "grey", "landmarks.npy": "points"}
    for one, other in permutations(NAMES.values(), 2):
        swapped = FILES | {one: FILES[other], other: FILES[one]}
        write_archive(swapped, tmp_path / "one.avatar")
        is_refused(tmp_path / "one.avatar")
        write_archive(described(swapped), tmp_path / "one.avatar")
        assert loads_or_is_refused(tmp_path / "one.avatar") == (kinds[one] == kinds[other])


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_packages_are_refused_whatever_they_hold(tmp_path: Path, compression: int) -> None:
    is_refused(zipped(tmp_path / "one.avatar", list(FILES.items()), compression))
    bomb = [(name, content if name != "matte.png" else bytes(60_000_000)) for name, content in FILES.items()]
    is_refused(zipped(tmp_path / "one.avatar", bomb, compression))


def test_packages_in_packages_are_refused(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "one.avatar", list(FILES.items())).read_bytes()
    is_refused(zipped(tmp_path / "one.avatar", [("one.avatar", inner)]))
    for name in NAMES.values():
        write_archive(described(FILES | {name: inner}), tmp_path / "one.avatar")
        is_refused(tmp_path / "one.avatar")


def test_one_stretch_of_bytes_for_all_files_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "one.avatar", list(FILES.items()))
    raw, end = bytearray(path.read_bytes()), len(path.read_bytes()) - 22
    place = struct.unpack_from("<I", raw, end + 16)[0]
    while place < end:
        raw[place + 42 : place + 46] = bytes(4)  # where the file begins
        lengths = struct.unpack_from("<HHH", raw, place + 28)
        place += 46 + sum(lengths)
    path.write_bytes(raw)
    is_refused(path)


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF])
def test_huge_sizes_in_the_directory_are_refused(tmp_path: Path, size: int) -> None:
    path = zipped(tmp_path / "one.avatar", list(FILES.items()))
    raw = path.read_bytes()
    sizes = struct.pack("<II", *[len(FILES["matte.png"])] * 2)
    path.write_bytes(raw.replace(sizes, struct.pack("<II", size, size)))
    is_refused(path)


@pytest.mark.parametrize("side", [4096, 20_000, 2**31 - 1])
def test_pictures_that_claim_to_be_huge_are_refused(tmp_path: Path, side: int) -> None:
    huge = FILES | {"source.png": png_that_claims(side, side)}
    for size in (256, 4096):
        write_archive(described(huge, size=size), tmp_path / "one.avatar")
        is_refused(tmp_path / "one.avatar")


def test_links_and_folders_in_a_folder_are_not_followed_anywhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0")
    for name in FILES:
        drawn_avatar().save(tmp_path / "one")
        (tmp_path / "one" / name).unlink()
        for make in (
            lambda path: path.symlink_to(secret),
            lambda path: path.symlink_to("/dev/zero"),
            lambda path: path.symlink_to(path),
            os.mkfifo,
            Path.mkdir,
        ):
            make(tmp_path / "one" / name)
            with pytest.raises(RenderError) as caught:
                Avatar.load(tmp_path / "one")
            assert "root:x" not in str(caught.value)
            with pytest.raises(RenderError):
                pack_avatar(tmp_path / "one", tmp_path / "one.avatar")
            assert not (tmp_path / "one.avatar").exists()
            (tmp_path / "one" / name).rmdir() if make is Path.mkdir else (tmp_path / "one" / name).unlink()
        (tmp_path / "one" / name).write_bytes(FILES[name])


def harmed_points(rng: np.random.Generator) -> np.ndarray:
    """Landmarks as no detector gives them, some of them still a face."""
    points = drawn_avatar().landmarks.copy()
    some = rng.integers(478, size=rng.integers(1, 40))
    match rng.integers(7):
        case 0:
            points += rng.normal(0, 10 ** rng.uniform(-1, 2), points.shape)
        case 1:
            points[:] = points[rng.integers(478)]
        case 2:
            points[:, rng.integers(3)] = rng.uniform(-1000, 1000)
        case 3:
            points *= rng.choice([-1, 0, 1e-3, 0.1, 3.9, 1e-30])
        case 4:
            points[some] = rng.uniform(-1000, 1000, (len(some), 3))
        case 5:
            points = points[rng.permutation(478)]
        case 6:
            points[some] += rng.normal(0, 20, (len(some), 3))
    return np.clip(points, -1000, 1000).astype(np.float32)


def test_whatever_loads_can_be_rendered() -> None:
    rng = np.random.default_rng(0)
    renderer = MeshRenderer(size=256, grid_step=4, iterations=4)
    shown = 0
    for _ in range(CASES // 12):
        files = described(FILES | {"landmarks.npy": as_npy(harmed_points(rng))})
        with suppress(RenderError):
            state = renderer.prepare(Avatar.from_files(files, "one"))
            shown += renderer.render(state, pose_frames()[0]).shape == (256, 256, 3)
    assert 0 < shown < CASES // 12
