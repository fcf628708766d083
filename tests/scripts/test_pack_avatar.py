"""`make_avatar` records what people decided, `pack_avatar` and `unpack_avatar` hand it on."""

from datetime import date
from pathlib import Path

import pytest

import scripts.make_avatar
import scripts.pack_avatar
import scripts.unpack_avatar
from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.avatar_schema import Details
from tests.render.portraits import drawn_avatar
from tests.scripts.test_realtime import composed


def test_a_package_goes_into_a_file_and_back(tmp_path: Path) -> None:
    drawn_avatar().save(tmp_path / "one")
    file = tmp_path / "one.avatar"
    scripts.pack_avatar.main(composed("pack_avatar", f"avatar='{tmp_path / 'one'}'", f"out='{file}'"))
    scripts.unpack_avatar.main(composed("unpack_avatar", f"avatar='{file}'", f"out='{tmp_path / 'two'}'"))
    assert Avatar.load(file).files() == Avatar.load(tmp_path / "two").files() == drawn_avatar().files()


def details(*overrides: str) -> Details:
    return scripts.make_avatar.details_of(composed("make_avatar", "image=builtin", "out=there", *overrides))


def test_nothing_is_said_by_default() -> None:
    assert details() == Details()


def test_a_consent_is_recorded() -> None:
    given = ["consent.who=Ada", "consent.purpose='a test'", "consent.licence=CC0-1.0", "consent.until=2027-01-31"]
    said = details("creator=me", "language=zh-CN", *given)
    assert (said.creator, said.language) == ("me", "zh-CN")
    assert said.consent is not None
    assert (said.consent.who, said.consent.until, said.consent.proof) == ("Ada", date(2027, 1, 31), None)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["consent.who=Ada"], "consent.purpose: Field required; consent.licence: Field required"),
        (["consent.until=tomorrow"], "consent.until: expected a date as 2027-01-31"),
        (["language=English"], "language: "),
        (["creator=''"], "creator: "),
    ],
)
def test_what_was_said_wrongly_is_named_before_any_work(overrides: list[str], message: str) -> None:
    with pytest.raises(RenderError, match=message):
        details(*overrides)
