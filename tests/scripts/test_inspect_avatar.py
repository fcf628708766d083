"""One picture and one table of an avatar; what is wrong with it ends in exit code 1, not in a crash."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

import scripts.inspect_avatar
from src.errors import ConfigError, RenderError
from src.render.avatar_package import pack_avatar
from src.render.avatar_schema import Details
from tests.render.portraits import drawn_avatar
from tests.scripts.test_realtime import composed


def inspect(avatar: Path, out: Path, *more: str) -> None:
    scripts.inspect_avatar.main(composed("inspect_avatar", f"avatar='{avatar}'", f"out='{out}'", "width=800", *more))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """The drawn face as large as to have nothing but its portrait complained about."""
    drawn_avatar().save(tmp_path / "one")
    return tmp_path / "one"


def verdicts(out: Path) -> dict[str, str]:
    content = json.loads(out.with_suffix(".json").read_text())
    return {check["name"]: check["verdict"] for check in content["checks"]}


def test_a_picture_a_table_and_a_record(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack_avatar(good, tmp_path / "one.avatar")
    out = tmp_path / "look.png"
    scripts.inspect_avatar.main(
        composed("inspect_avatar", f"avatar='{tmp_path / 'one.avatar'}'", f"out='{out}'", "width=900")
    )
    assert cv2.imread(str(out)).shape[1] == 900
    content = json.loads(out.with_suffix(".json").read_text())
    assert content["passed"] is True
    assert content["avatar.json"]["name"] == "drawn"
    assert verdicts(out)["renderer"] == "ok"
    shown = capsys.readouterr().out
    for name in ("schema", "checksums", "consent", "signature", "renderer", "size"):
        assert f"│ {name} " in shown


def test_an_ended_consent_is_shown_and_fails(tmp_path: Path) -> None:
    ended = {"consent": {"who": "Ada", "purpose": "a test", "until": "2020-01-01", "licence": "CC0-1.0"}}
    replace(drawn_avatar(), details=Details.of(ended, "")).save(tmp_path / "one")
    with pytest.raises(SystemExit) as caught:
        inspect(tmp_path / "one", tmp_path / "look.png")
    assert caught.value.code == 1
    assert (tmp_path / "look.png").is_file()
    assert verdicts(tmp_path / "look.png")["consent"] == "failed"


def test_a_damaged_package_gives_the_table_and_no_picture(good: Path, tmp_path: Path) -> None:
    (good / "matte.png").write_bytes(b"x")
    with pytest.raises(SystemExit) as caught:
        inspect(good, tmp_path / "look.png")
    assert caught.value.code == 1
    assert not (tmp_path / "look.png").exists()
    assert verdicts(tmp_path / "look.png")["checksums"] == "failed"


def test_what_is_no_avatar_and_no_picture_is_said_so(good: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a picture that ends in .png or .jpg"):
        inspect(good, tmp_path / "look.txt")
    with pytest.raises(RenderError, match="no avatar package"):
        inspect(tmp_path, tmp_path / "look.png")
