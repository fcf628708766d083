"""The hub is asked for sizes and check sums; large files are taken up where they broke off."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.data.download import RemoteFile, download
from src.data.hub import hub_files
from src.errors import DataError
from tests.data.hub_server import Hub, serving

CONTENT = bytes(range(256)) * 1024
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "liveportrait/base_models/a.pth"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub({NAME: CONTENT, "README.md": b"words", "b.pth": b"short"})) as running:
        yield running


def asked(hub: Hub, names: list[str]) -> list[RemoteFile]:
    return hub_files(f"{hub.address}/", "KwaiVGI/LivePortrait", "main", names, out=Path("models"), timeout_s=5.0)


def fetch(hub: Hub, path: Path, retries: int = 0) -> tuple[bool, list[tuple[int, int | None]]]:
    progress: list[tuple[int, int | None]] = []
    (remote,) = asked(hub, [NAME])
    report = lambda *state: progress.append(state)  # noqa: E731
    return download(remote, path, timeout_s=5.0, retries=retries, report=report), progress


def test_files_of_all_pages_have_the_sizes_and_sums_that_are_stated(hub: Hub) -> None:
    last, first = asked(hub, ["b.pth", NAME])
    assert (first.name, first.sha256, first.size) == (NAME, SHA256, len(CONTENT))
    assert first.url == f"{hub.address}/KwaiVGI/LivePortrait/resolve/main/{NAME}"
    assert (last.name, last.size) == ("b.pth", 5)
    assert hub.listed == 2


def test_a_file_that_is_missing_or_has_no_sum_is_named(hub: Hub) -> None:
    with pytest.raises(DataError, match=r"has no c\.pth, d\.pth\. Check"):
        asked(hub, ["c.pth", NAME, "d.pth"])
    for stated in (None, "no sum", "0" * 63):
        hub.stated[NAME] = stated
        with pytest.raises(DataError, match=r"a\.pth: the server states no SHA-256"):
            asked(hub, [NAME])


def test_what_is_no_list_of_files_is_refused(hub: Hub) -> None:
    with pytest.raises(DataError, match="can't be fetched .*Not Found"):
        hub_files(hub.address, "somebody/else", "main", [NAME], out=Path("models"), timeout_s=5.0)
    page = f"{hub.address}/storage/README.md?"  # whatever is asked for, words come
    with pytest.raises(DataError, match="no list of files"):
        hub_files(page, "", "", [NAME], out=Path("models"), timeout_s=5.0)


def test_a_cut_connection_is_taken_up_where_it_broke(hub: Hub, tmp_path: Path) -> None:
    hub.cuts[NAME] = 2
    fetched, progress = fetch(hub, tmp_path / "a.pth", retries=2)
    assert fetched
    assert (tmp_path / "a.pth").read_bytes() == CONTENT
    assert hub.ranges[NAME] == [0, len(CONTENT) // 2, len(CONTENT) * 3 // 4]
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert [state[0] for state in progress] == sorted(state[0] for state in progress)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pth"]


def test_what_came_is_kept_for_the_next_call(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"old")
    hub.cuts[NAME] = 1
    with pytest.raises(DataError, match="broke after 131072 of 262144 bytes. What came is kept: run the command again"):
        fetch(hub, path)
    assert path.read_bytes() == b"old"
    assert fetch(hub, path)[0]
    assert hub.ranges[NAME] == [0, 131072]
    assert path.read_bytes() == CONTENT
    assert fetch(hub, path) == (False, [])


def test_a_server_that_starts_again_is_followed(hub: Hub, tmp_path: Path) -> None:
    hub.cuts[NAME], hub.ignores_ranges = 1, True
    assert fetch(hub, tmp_path / "a.pth", retries=1)[0]
    assert (tmp_path / "a.pth").read_bytes() == CONTENT


def test_a_file_that_was_whole_when_the_program_was_killed_is_put_in_place(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / f".a.pth.{SHA256[:16]}.part").write_bytes(CONTENT)
    assert fetch(hub, tmp_path / "a.pth")[0]
    assert (tmp_path / "a.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("kept", [b"", b"x" * 1000, b"x" * (len(CONTENT) + 1)])
def test_other_content_than_stated_is_not_kept(hub: Hub, tmp_path: Path, kept: bytes) -> None:
    if not kept:
        hub.stated[NAME] = "0" * 64
    else:
        (tmp_path / f".a.pth.{SHA256[:16]}.part").write_bytes(kept)
    with pytest.raises(DataError, match=r"SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}\. It was not kept"):
        fetch(hub, tmp_path / "a.pth")
    assert list(tmp_path.iterdir()) == []
