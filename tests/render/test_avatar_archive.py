"""One `.avatar` file: the same bytes each time, and nothing but a package comes out of it."""

import io
import stat
import struct
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.avatar_archive import read_archive, write_archive
from src.render.avatar_files import LARGEST_BYTES
from src.render.avatar_package import pack_avatar, unpack_avatar
from src.render.avatar_schema import Details
from tests.render.portraits import drawn_avatar

FILES = drawn_avatar().files()


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    drawn_avatar().save(tmp_path / "one")
    pack_avatar(tmp_path / "one", tmp_path / "one.avatar")
    return tmp_path / "one.avatar"


def zipped(path: Path, entries: list[tuple[str | zipfile.ZipInfo, bytes]], compression: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_a_packed_avatar_loads_and_unpacks_as_it_was(packed: Path, tmp_path: Path) -> None:
    assert Avatar.load(packed).files() == FILES
    unpack_avatar(packed, tmp_path / "two")
    assert {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()} == FILES
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(LARGEST_BYTES)


def test_packing_gives_the_same_bytes_each_time(packed: Path, tmp_path: Path) -> None:
    unpack_avatar(packed, tmp_path / "two")
    pack_avatar(tmp_path / "two", tmp_path / "two.avatar")
    assert (tmp_path / "two.avatar").read_bytes() == packed.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "one.avatar", "two", "two.avatar"]


def test_an_avatar_of_ended_consent_can_be_packed_and_not_rendered(tmp_path: Path) -> None:
    ended = Details.of(
        {"consent": {"who": "Ada", "purpose": "a test", "until": "2020-01-01", "licence": "CC0-1.0"}}, ""
    )
    replace(drawn_avatar(), details=ended).save(tmp_path / "one")
    pack_avatar(tmp_path / "one", tmp_path / "one.avatar")
    with pytest.raises(RenderError, match=r"one.avatar: the consent of Ada ended on 2020-01-01"):
        Avatar.load(tmp_path / "one.avatar")
    assert Avatar.load(tmp_path / "one.avatar", allow_expired=True).details == ended


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../avatar.json", "a/../avatar.json", "..\\avatar.json", "C:\\x", "x", "avatar.json\0x"]
)
def test_another_name_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    others = [entry for entry in FILES.items() if entry[0] != "matte.png"]
    # The writer cleans names as the reader does, so a long name of the same length is exchanged afterwards.
    placed = "y" * len(name)
    path = zipped(tmp_path / "bad.avatar", [*others, (placed, b"x")])
    path.write_bytes(path.read_bytes().replace(placed.encode(), name.encode()))
    with pytest.raises(RenderError, match="bad.avatar: holds .*, expected only avatar.json"):
        unpack_avatar(path, tmp_path / "out" / "two")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.avatar"]


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("matte.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    others = [entry for entry in FILES.items() if entry[0] != "matte.png"]
    with pytest.raises(RenderError, match="matte.png is a link"):
        read_archive(zipped(tmp_path / "bad.avatar", [*others, (link, b"/etc/passwd")]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice_is_refused(tmp_path: Path) -> None:
    entries = [*list(FILES.items())[:4], ("matte.png", FILES["matte.png"])]
    with pytest.raises(RenderError, match="holds a file twice"):
        read_archive(zipped(tmp_path / "bad.avatar", entries))


def test_other_numbers_of_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="4 files, .*a packed avatar has 5"):
        read_archive(zipped(tmp_path / "few.avatar", list(FILES.items())[:4]))
    many = [(f"{number}.txt", b"") for number in range(2000)]
    with pytest.raises(RenderError, match="2000 files"):
        read_archive(zipped(tmp_path / "many.avatar", many))


def test_bombs_are_refused(tmp_path: Path) -> None:
    entries = [*list(FILES.items())[:4], ("landmarks.npy", bytes(50_000_000))]
    with pytest.raises(RenderError, match="is compressed or encrypted"):
        read_archive(zipped(tmp_path / "bomb.avatar", entries, zipfile.ZIP_DEFLATED))
    with pytest.raises(RenderError, match="landmarks.npy claims 50000000 bytes"):
        read_archive(zipped(tmp_path / "large.avatar", entries))
    with open(tmp_path / "sparse.avatar", "wb") as opened:
        opened.truncate(1 << 40)
    with pytest.raises(RenderError, match="1099511627776 bytes, a packed avatar has at most"):
        read_archive(tmp_path / "sparse.avatar")


@pytest.mark.parametrize("claimed", [0, 10, 1 << 12])
def test_a_size_that_is_not_the_real_one_is_refused(packed: Path, claimed: int) -> None:
    raw, real = packed.read_bytes(), len(FILES["landmarks.npy"])
    sizes = struct.pack("<II", real, real)
    assert raw.count(sizes) == 2
    packed.write_bytes(raw.replace(sizes, struct.pack("<II", claimed, claimed)))
    with pytest.raises(RenderError, match="one.avatar"):
        Avatar.load(packed)


def test_what_is_no_archive_is_said_so(tmp_path: Path) -> None:
    for content in (b"", b"PK", b"text" * 100, b"PK\x05\x06" + bytes(18)):
        (tmp_path / "no.avatar").write_bytes(content)
        with pytest.raises(RenderError, match="no.avatar: .*scripts.pack_avatar"):
            Avatar.load(tmp_path / "no.avatar")


def test_a_damaged_package_is_not_packed(tmp_path: Path) -> None:
    drawn_avatar().save(tmp_path / "one")
    (tmp_path / "one" / "matte.png").write_bytes(b"x")
    with pytest.raises(RenderError, match="matte.png is not the file that the package was made with"):
        pack_avatar(tmp_path / "one", tmp_path / "one.avatar")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_names_of_other_things_are_not_overwritten(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"thesis.txt: the name of a packed avatar ends in \.avatar"):
        pack_avatar(packed, tmp_path / "thesis.txt")
    (tmp_path / "folder.avatar").mkdir()
    with pytest.raises(RenderError, match="a folder has the name of the file"):
        pack_avatar(packed, tmp_path / "folder.avatar")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RenderError, match="one.avatar: the file can't be written"):
        pack_avatar(packed, tmp_path / "file" / "one.avatar")
    with pytest.raises(RenderError, match="two: the avatar can't be written"):
        unpack_avatar(packed, tmp_path / "file" / "two")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("years of work")
    with pytest.raises(RenderError, match="holds something else than an avatar"):
        unpack_avatar(packed, tmp_path / "folder")
    assert (tmp_path / "folder" / "thesis.txt").read_text() == "years of work"


def small_archive(folder: Path) -> bytes:
    """An archive of a few hundred bytes, so that damage meets its structure and not pixels."""
    write_archive(dict.fromkeys(LARGEST_BYTES, b"content"), folder / "small.avatar")
    return (folder / "small.avatar").read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


CHANGE = st.tuples(
    st.sampled_from(["change", "cut", "insert", "truncate"]), st.integers(0, 2000), st.binary(min_size=1, max_size=8)
)


@settings(max_examples=1500)
@given(changes=st.lists(CHANGE, min_size=1, max_size=4))
def test_no_damage_of_an_archive_crashes(scratch: Path, changes: list[tuple[str, int, bytes]]) -> None:
    data = bytearray(small_archive(scratch))
    for kind, place, new in changes:
        place = place % (len(data) + 1)
        match kind:
            case "change":
                data[place : place + len(new)] = new
            case "cut":
                del data[place : place + len(new)]
            case "insert":
                data[place:place] = new
            case "truncate":
                del data[place:]
    path = scratch / "damaged.avatar"
    path.write_bytes(data)
    with suppress(RenderError):
        assert read_archive(path).keys() == LARGEST_BYTES.keys()


@settings(max_examples=300)
@given(content=st.binary(max_size=300))
def test_no_bytes_crash(scratch: Path, content: bytes) -> None:
    (scratch / "any.avatar").write_bytes(content)
    with pytest.raises(RenderError):
        Avatar.load(scratch / "any.avatar")


def test_an_archive_that_a_zip_tool_stored_loads(tmp_path: Path) -> None:
    path = zipped(tmp_path / "tool.avatar", list(reversed(FILES.items())))
    assert Avatar.load(path).files() == FILES
    assert zipfile.is_zipfile(io.BytesIO(path.read_bytes()))
