"""What can be said about an avatar package without rendering it: whether it is whole, allowed, signed, and any good.

Nothing here stops at the first bad thing: a package is looked at because something may be wrong with it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.avatar_schema import DESCRIPTION, Consent, Description, read_description
from src.render.avatar_signature import check_signature
from src.render.preflight import Severity, findings_of
from src.render.preflight_measures import measure

SOON_DAYS = 30
"""A consent that ends within this is worth a word."""

_SHOWN_DIGITS = 12


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    """Nothing wrong, and something to know."""
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: of it.
        verdict: how it came out.
        said: what was found, for people.
    """

    name: str
    verdict: Verdict
    said: str


def checks_of(
    files: Mapping[str, bytes], where: str, *, today: date, trusted_key: Path | None = None
) -> tuple[list[Check], Avatar | None]:
    """Look a package over.

    Args:
        files: as `read_package` gives them.
        where: what messages call the package.
        today: the day that consent is asked for.
        trusted_key: a PEM file of the public key that should have signed it.

    Returns:
        All checks; and the avatar if its files can be read, whatever its consent and its signature say.
    """
    try:
        said = read_description(files[DESCRIPTION], f"{where}: {DESCRIPTION}")
    except RenderError as error:
        return [Check("schema", Verdict.FAILED, str(error))], None
    checks = [Check("schema", Verdict.OK, f"{said.schema_}, version {said.schema_version}")]
    checks.append(_checksums(files, said))
    checks.append(_signature(files, where, trusted_key))
    checks.append(consent_check(said.consent, today))
    unsigned = {name: content for name, content in files.items() if name in said.sha256 or name == DESCRIPTION}
    try:
        avatar = Avatar.from_files(unsigned, where, allow_expired=True)
    except RenderError as error:
        return [*checks, Check("pictures", Verdict.FAILED, str(error))], None
    checks.append(Check("pictures", Verdict.OK, f"{avatar.size} x {avatar.size} pixels, cropped from {_crop(avatar)}"))
    return [*checks, *portrait_checks(avatar), *_settings(said)], avatar


def consent_check(consent: Consent | None, today: date) -> Check:
    """Whether the person in the picture still allows it, and for how long."""
    if consent is None:
        return Check("consent", Verdict.NOTE, "none is recorded; `scripts.make_avatar consent.who=...` records one")
    words = f"{consent.who}, for {consent.purpose}, licence {consent.licence}"
    words += f", proof {consent.proof}" if consent.proof else ", no proof named"
    if consent.until is None:
        return Check("consent", Verdict.OK, f"{words}; without an end")
    left = (consent.until - today).days
    if left < 0:
        ended = f"ended on {consent.until}, {_days(-left)} ago; {words}. Ask for a new one"
        return Check("consent", Verdict.FAILED, ended)
    verdict = Verdict.WARNING if left < SOON_DAYS else Verdict.OK
    return Check("consent", verdict, f"until {consent.until}, {_days(left)} left; {words}")


def portrait_checks(avatar: Avatar) -> list[Check]:
    """What `preflight` finds in the stored picture, from the stored landmarks."""
    # Detectors, for which the limits were measured, give whole coordinates to the corner of a pixel.
    measures = measure(avatar.image, avatar.landmarks + np.array([0.5, 0.5, 0.0], np.float32))
    findings = findings_of(measures)
    angles = f"yaw {measures.yaw:+.0f}, pitch {measures.pitch:+.0f}, roll {measures.roll:+.0f} degrees"
    light = f"sharpness {measures.sharpness:.1f}, brightest parts {measures.light:.0f} of 255"
    face = Check("face", Verdict.OK, f"{avatar.face_size:.0f} pixels between the outer eye corners; {angles}; {light}")
    verdicts = {Severity.ERROR: Verdict.FAILED, Severity.WARNING: Verdict.WARNING}
    found = [
        Check(f"portrait ({finding.code.replace('_', ' ')})", verdicts[finding.severity], str(finding))
        for finding in findings
    ]
    return [face, *(found or [Check("portrait", Verdict.OK, "no complaints of the pre-flight")])]


def memory_bytes(*held: object) -> int:
    """Bytes of all arrays in some objects, each counted once, views as what they keep alive."""
    owners = {id(owner): owner for array in _arrays(held, set()) for owner in [_owner(array)]}
    return sum(owner.nbytes for owner in owners.values())


def _checksums(files: Mapping[str, bytes], said: Description) -> Check:
    changed = [name for name, sha256 in said.sha256.items() if hashlib.sha256(files[name]).hexdigest() != sha256]
    if changed:
        return Check("checksums", Verdict.FAILED, f"{', '.join(changed)} changed since the package was made")
    digest = hashlib.sha256(files[DESCRIPTION]).hexdigest()[:_SHOWN_DIGITS]
    return Check("checksums", Verdict.OK, f"{len(said.sha256)} files as recorded; {DESCRIPTION} is {digest}...")


def _signature(files: Mapping[str, bytes], where: str, trusted_key: Path | None) -> Check:
    try:
        key = check_signature(files, where, trusted_key)
    except RenderError as error:
        return Check("signature", Verdict.FAILED, str(error))
    if key is None:
        return Check("signature", Verdict.NOTE, "none")
    if trusted_key is None:
        return Check("signature", Verdict.NOTE, f"by the key {key}; trusted_key=<file> asks whether it is theirs")
    return Check("signature", Verdict.OK, f"by {trusted_key.name}")


def _settings(said: Description) -> Iterator[Check]:
    """What people decided, section by section."""
    for name, value in said.details.written().items():
        if name != "consent":
            yield Check(name.replace("_", " "), Verdict.NOTE, _flat(value))


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {_flat(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return " ".join(_flat(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _crop(avatar: Avatar) -> str:
    left, top, side = avatar.crop
    return f"{side} x {side} at ({left}, {top}) of the source"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _arrays(value: object, seen: set[int]) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif id(value) in seen or isinstance(value, BaseModel | str | bytes):
        return
    else:
        seen.add(id(value))
        inner: list[object] = []
        if is_dataclass(value) and not isinstance(value, type):
            inner = [getattr(value, field.name) for field in fields(value)]
        elif isinstance(value, Mapping):
            inner = list(value.values())
        elif isinstance(value, list | tuple):
            inner = list(value)
        for one in inner:
            yield from _arrays(one, seen)


def _owner(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
