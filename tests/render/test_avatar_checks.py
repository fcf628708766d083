"""A package is looked over without stopping at what is wrong with it."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from src.render.avatar_checks import Check, Verdict, checks_of, consent_check, memory_bytes
from src.render.avatar_schema import Consent, Details
from tests.render.portraits import drawn_avatar

TODAY = date(2027, 1, 1)
FILES = drawn_avatar().files()


def looked_over(files: dict[str, bytes], **options: Path) -> dict[str, Check]:
    checks, _ = checks_of(files, "one", today=TODAY, **options)
    return {check.name: check for check in checks}


def consent(until: str | None) -> Consent:
    details = Details.of(
        {"consent": {"who": "Ada", "purpose": "a test", "licence": "CC0-1.0", "until": until, "proof": "file 12"}}, ""
    )
    assert details.consent is not None
    return details.consent


def test_a_whole_package_passes_and_gives_its_avatar() -> None:
    checks, avatar = checks_of(FILES, "one", today=TODAY)
    assert avatar is not None
    assert avatar.files() == FILES
    verdicts = {check.name: check.verdict for check in checks}
    assert verdicts["schema"] == verdicts["checksums"] == verdicts["pictures"] == verdicts["face"] == Verdict.OK
    assert verdicts["signature"] == verdicts["consent"] == Verdict.NOTE


def test_a_changed_file_is_named_and_there_is_no_avatar() -> None:
    checks, avatar = checks_of(FILES | {"matte.png": b"x"}, "one", today=TODAY)
    assert avatar is None
    failed = {check.name: check.said for check in checks if check.verdict is Verdict.FAILED}
    assert failed["checksums"] == "matte.png changed since the package was made"
    assert failed["pictures"].startswith("one: matte.png is not the file")


def test_what_is_no_description_ends_the_list() -> None:
    checks, avatar = checks_of(FILES | {"avatar.json": b"{"}, "one", today=TODAY)
    assert avatar is None
    assert [(check.name, check.verdict) for check in checks] == [("schema", Verdict.FAILED)]


def test_a_wrong_signature_fails_and_the_avatar_is_shown_all_the_same() -> None:
    pytest.importorskip("cryptography", reason="needs the extra `sign`")
    checks, avatar = checks_of(FILES | {"signature.json": b"{}"}, "one", today=TODAY)
    assert avatar is not None
    assert {check.name for check in checks if check.verdict is Verdict.FAILED} == {"signature"}


@pytest.mark.parametrize(
    ("until", "verdict", "words"),
    [
        (
            "2027-01-01",
            Verdict.WARNING,
            "0 days left; Ada, for a test, licence CC0-1.0, proof file 12",
        ),
        ("2027-01-02", Verdict.WARNING, "until 2027-01-02, 1 day left"),
        ("2027-01-30", Verdict.WARNING, "29 days left"),
        ("2027-01-31", Verdict.OK, "30 days left"),
        ("2026-12-31", Verdict.FAILED, "ended on 2026-12-31, 1 day ago"),
        (None, Verdict.OK, "without an end"),
    ],
)
def test_the_days_of_a_consent_are_counted(until: str | None, verdict: Verdict, words: str) -> None:
    check = consent_check(consent(until), TODAY)
    assert check.verdict is verdict
    assert words in check.said


def test_settings_of_the_package_are_told() -> None:
    details = Details.of(
        {"language": "zh-CN", "background_policy": {"kind": "coloured", "colour": [0, 255, 0]}, "idle": {"blink": 0.5}},
        "",
    )
    said = looked_over(replace(drawn_avatar(), details=details).files())
    assert said["language"].said == "zh-CN"
    assert said["background policy"].said == "kind coloured, colour 0 255 0"
    assert said["idle"].said.startswith("blink 0.5, head 1")


def test_the_pre_flight_speaks_of_the_stored_picture() -> None:
    avatar = drawn_avatar()
    dark = replace(avatar, image=(avatar.image // 8).astype(np.uint8))
    check = looked_over(dark.files())["portrait (too dark)"]
    assert check.verdict is Verdict.FAILED
    assert "the face is too dark" in check.said


def test_arrays_are_counted_once_and_views_as_what_they_keep_alive() -> None:
    @dataclass
    class Held:
        one: np.ndarray
        many: list[object]

    values = np.zeros(100, np.uint8)
    assert memory_bytes(Held(values, [values, values[:10], {"a": values[3:]}, "text"]), values) == 100
    assert memory_bytes(Held(values[:10], [np.ones(7, np.uint8)])) == 107
