import hashlib
import json
from pathlib import Path

import pytest

from src.files import replacing, replacing_folder, sha256_of, write_json


def test_a_file_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "new" / "result.txt"
    with replacing(path) as unfinished:
        unfinished.write_text("done")
        assert not path.exists()
        assert unfinished.suffix == ".txt"
    assert path.read_text() == "done"


def test_a_block_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as unfinished:
        unfinished.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "outdated.txt").write_text("old")
    with replacing_folder(folder) as unfinished:
        (unfinished / "fresh.txt").write_text("new")
    assert [entry.name for entry in folder.iterdir()] == ["fresh.txt"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_block_that_raises_leaves_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "kept.txt").write_text("old")
    with pytest.raises(ZeroDivisionError), replacing_folder(folder) as unfinished:
        (unfinished / "half.txt").write_text("new")
        raise ZeroDivisionError
    assert [entry.name for entry in folder.iterdir()] == ["kept.txt"]
    assert list(tmp_path.iterdir()) == [folder]


def test_json_keeps_its_text_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "report.json", {"name": "声音", "value": 1.5})
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == {"name": "声音", "value": 1.5}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "bad.json", {"value": float("nan")})
    assert not (tmp_path / "bad.json").exists()


def test_a_file_hash_is_that_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_folder_hash_changes_with_content_and_names_and_not_with_place(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "a").write_text("1")
        (tmp_path / name / "inner" / "b").write_text("2")
    first = sha256_of(tmp_path / "one")
    assert first == sha256_of(tmp_path / "other")
    (tmp_path / "other" / "a").rename(tmp_path / "other" / "c")
    assert first != sha256_of(tmp_path / "other")
    (tmp_path / "one" / "inner" / "b").write_text("3")
    assert first != sha256_of(tmp_path / "one")
