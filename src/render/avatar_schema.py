"""What `avatar.json` may say: strict types, nothing unknown, every value in its range.

What people decide about an avatar (`Details`) stands beside what is computed from its photo, in one description with
the SHA-256 of every other file. Every section of `Details` may be missing: packages made before they existed stay
readable.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from src.errors import RenderError
from src.render.avatar_settings import BackgroundPolicy, ChannelAmplitude, IdleGains, RendererSettings, Strict

SCHEMA = "audio2motion/avatar"
SCHEMA_VERSION = 3
"""Written. 2, which is read as well, had no `spec`, `amplitude` and `renderers`."""
DESCRIPTION, PICTURE, LANDMARKS = "avatar.json", "source.png", "landmarks.npy"
MATTE, BACKGROUND = "matte.png", "background.png"
FILES = {"picture": PICTURE, "matte": MATTE, "background": BACKGROUND, "landmarks": LANDMARKS}
"""Key in the description, and name of the file."""

ENGINE_VERSION = "0.1.0"
"""The program's version, of `pyproject.toml`: what `minimum_engine_version` is compared with."""
MAXIMUM_SIZE = 4096
"""Largest side of an avatar's picture in pixels: no renderer shows more."""
AGAIN = "Make it with `python -m scripts.make_avatar image=<photo> out=<folder>`."

_READ = f"2 and {SCHEMA_VERSION}"
_SHOWN_ERRORS = 3
_PLAIN = {
    "union_tag_not_found": "its kind is missing: own, blurred or coloured",
    "union_tag_invalid": "its kind must be own, blurred or coloured",
}
"""Words for the kinds of error that only make sense to who knows pydantic."""


def _like(pattern: str, what: str) -> AfterValidator:
    """A text of this form; pydantic's own message would show the pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {what}")
        return text

    return AfterValidator(check)


Text = Annotated[
    str, Field(min_length=1, max_length=500), _like(r"[^\x00-\x1f\x7f]+", "one line without control characters")
]
"""One line for people."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Language = Annotated[
    str, Field(max_length=35), _like(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", "a language as en or zh-CN")
]
"""A tag such as `en` or `zh-CN` (BCP 47)."""
Version = Annotated[str, _like(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}", "a version as 0.1.0")]
Position = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Side = Annotated[int, Field(ge=1, le=1_000_000)]


class Consent(Strict):
    """Who allowed this picture to speak, what for and until when."""

    who: Text
    purpose: Text
    until: date | None = None
    """The last day; None: no end."""
    proof: Text | None = None
    """Where the proof is kept: a file number, a link."""
    licence: Text

    @field_validator("until", mode="before")
    @classmethod
    def _only_iso(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # Pydantic would take seconds since 1970 as well.
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError("expected a date as 2027-01-31")
        return date.fromisoformat(value)


class Details(Strict):
    """What people decide about an avatar. None: nothing was said."""

    spec: Literal["core7", "arkit55"] = "arkit55"
    """The richest motion that is shown on it; what says more is brought down to it. All avatars understand `core7`."""
    amplitude: ChannelAmplitude | None = None
    idle: IdleGains | None = None
    background_policy: BackgroundPolicy | None = None
    renderers: RendererSettings | None = None
    language: Language | None = None
    voice: Text | None = None
    creator: Text | None = None
    consent: Consent | None = None
    minimum_engine_version: Version | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> Self:
        """Check values that JSON can hold, such as those of a configuration; dates are texts.

        Raises:
            RenderError: names each wrong value.
        """
        try:
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            raise RenderError(f"{where}: {_said(error)}. Correct the values.") from error

    def written(self) -> dict[str, Any]:
        """What was said, as JSON can hold it."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)


class Description(Details):
    """All of `avatar.json`."""

    schema_: Literal["audio2motion/avatar"] = Field(alias="schema")
    schema_version: Literal[2, 3]
    name: Text
    size: Annotated[int, Field(ge=2, le=MAXIMUM_SIZE, multiple_of=2)]
    source_sha256: Sha256
    crop: tuple[Position, Position, Side]
    picture: Literal["source.png"]
    matte: Literal["matte.png"]
    background: Literal["background.png"]
    landmarks: Literal["landmarks.npy"]
    sha256: dict[str, Sha256]

    @field_validator("sha256", mode="after")
    @classmethod
    def _of_each_file(cls, hashes: dict[str, str]) -> dict[str, str]:
        if hashes.keys() != set(FILES.values()):
            raise ValueError(f"expected one hash for each of {', '.join(FILES.values())}")
        return hashes

    @property
    def details(self) -> Details:
        """What people decided."""
        return Details(**{name: getattr(self, name) for name in Details.model_fields})


class _Header(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    schema_: Literal["audio2motion/avatar"] = Field(alias="schema")
    schema_version: int


def read_description(raw: bytes, where: str) -> Description:
    """Check the bytes of an `avatar.json`.

    Args:
        raw: the file's content.
        where: what error messages call the file.

    Raises:
        RenderError: no JSON, another schema, a value that is missing, unknown or out of range, or a package for a
            newer program.
    """
    try:
        header = _Header.model_validate_json(raw)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise RenderError(f"{where}: not readable JSON ({_said(error)}). {AGAIN}") from error
        raise RenderError(f"{where}: not the description of an avatar package ({_said(error)}). {AGAIN}") from error
    if header.schema_version == 1:
        raise RenderError(
            f"{where}: package schema 1, made before avatars had a matte and a background; this program reads "
            f"{_READ}. {AGAIN}"
        )
    if header.schema_version > SCHEMA_VERSION:
        raise RenderError(
            f"{where}: package schema {header.schema_version}, this program reads {_READ}: a newer program made it. "
            "Update this one."
        )
    try:
        description = Description.model_validate_json(raw)
    except ValidationError as error:
        raise RenderError(f"{where}: {_said(error)}. {AGAIN}") from error
    check_engine(description.minimum_engine_version, where)
    return description


def check_engine(needed: str | None, where: str) -> None:
    """Refuse an avatar for a newer program.

    Raises:
        RenderError: `needed` is above the version of this program.
    """
    if needed is not None and _number(needed) > _number(ENGINE_VERSION):
        raise RenderError(
            f"{where}: the avatar needs version {needed} of this program, this is {ENGINE_VERSION}. Update the program."
        )


def check_consent(consent: Consent | None, today: date, where: str) -> None:
    """Refuse what the person in the picture no longer allows.

    Raises:
        RenderError: the consent's last day is before `today`.
    """
    if consent is not None and consent.until is not None and consent.until < today:
        raise RenderError(
            f"{where}: the consent of {consent.who} ended on {consent.until.isoformat()}, today is "
            f"{today.isoformat()}. Ask for a new consent and make the avatar again with it, or delete the package."
        )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _said(error: ValidationError) -> str:
    """The first few complaints, each with the key that it is about."""
    complaints = []
    for one in error.errors(include_url=False, include_input=False)[:_SHOWN_ERRORS]:
        place = ".".join(str(part) for part in _place(one["loc"]))
        message = _PLAIN.get(one["type"], one["msg"]).removeprefix("Value error, ")
        complaints.append(f"{_shortened(place)}: {message}" if place else message)
    more = error.error_count() - _SHOWN_ERRORS
    return "; ".join(complaints) + (f"; and {more} more" if more > 0 else "")


def _place(where: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Keys as a user knows them: pydantic adds which kind of background it took the value for."""
    return where[:1] + where[2:] if where[:1] == ("background_policy",) else where


def _shortened(text: str) -> str:
    printable = text.encode("unicode_escape").decode("ascii")
    return printable if len(printable) <= 80 else printable[:77] + "..."
