"""Reports say which code, machine and files their numbers come from."""

import hashlib
import json
from pathlib import Path

from src.eval.provenance import provenance, sha256


def test_the_record_is_plain_json_and_names_machine_and_versions() -> None:
    record = json.loads(json.dumps(provenance().to_dict()))
    assert record["cores"] >= 1
    assert record["cpu"]
    assert record["packages"]["numpy"].count(".") >= 1


def test_a_file_hash_is_that_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_folder_hash_changes_with_content_and_names_and_not_with_place(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "a").write_text("1")
        (tmp_path / name / "inner" / "b").write_text("2")
    first = sha256(tmp_path / "one")
    assert first == sha256(tmp_path / "other")
    (tmp_path / "other" / "a").rename(tmp_path / "other" / "c")
    assert first != sha256(tmp_path / "other")
    (tmp_path / "one" / "inner" / "b").write_text("3")
    assert first != sha256(tmp_path / "one")
