"""Who sealed an avatar package: a detached Ed25519 signature of `avatar.json`, which holds the hash of all other files.

`signature.json` lies beside it. The bytes of `avatar.json` are signed as they are, so that `openssl` alone can check
them as well, and any change of the package breaks the seal. Saving an avatar anew writes no signature; packing and
unpacking keep it.

What it says: whoever holds the private key sealed exactly this package. What it does not: whose key that is, that the
consent inside is true, or that nobody took another signature off first and put an own one there. So where a package
comes from is proven only by asking for a key that one knows, with `trusted_key`.

Packages without a signature are valid, and reading them needs no `cryptography`.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from src.errors import RenderError

SIGNATURE, SIGNED = "signature.json", "avatar.json"
SCHEMA = "audio2motion/avatar-signature"
LARGEST_SIGNATURE = 1 << 10
"""Bytes of the file; it has about 300."""

_KEY_BYTES, _SIGNATURE_BYTES = 32, 64
_TAKE_OFF = f"Ask for another copy; or delete {SIGNATURE}, if you trust the package without."
Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{40,90}={1,2}$")]


class _Content(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    schema_: Literal["audio2motion/avatar-signature"] = Field(alias="schema")
    schema_version: Literal[1]
    algorithm: Literal["ed25519"]
    signed: Literal["avatar.json"]
    public_key: Base64
    signature: Base64


def signature_of(description: bytes, private_key: Path) -> bytes:
    """The content of `signature.json`.

    Args:
        description: the bytes of `avatar.json`.
        private_key: a PEM file of an Ed25519 key without a password.

    Raises:
        RenderError: the file holds no such key, or `cryptography` is not installed.
    """
    public_key, signature = _keys("Signing an avatar").sign(description, private_key)
    content = {
        "schema": SCHEMA,
        "schema_version": 1,
        "algorithm": "ed25519",
        "signed": SIGNED,
        "public_key": base64.b64encode(public_key).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    return (json.dumps(content, indent=2) + "\n").encode()


def check_signature(files: Mapping[str, bytes], where: str, trusted_key: Path | None = None) -> str | None:
    """Refuse a package that was changed after it was signed, or that another key signed than the one asked for.

    Args:
        files: the package's files by name.
        where: what error messages call the package.
        trusted_key: a PEM file of the public key that must have signed it; None: any key, or none.

    Returns:
        The public key in base64; None for a package without a signature.

    Raises:
        RenderError: a wrong signature, another key, none although one was asked for, or `cryptography` is missing.
    """
    expected = None if trusted_key is None else _keys("Checking a signature").read_public_key(trusted_key)
    if SIGNATURE not in files:
        if expected is not None:
            raise RenderError(
                f"{where}: the avatar is not signed, and {trusted_key} was to have signed it. Ask whoever made it to "
                "run `python -m scripts.sign_avatar`, or leave `trusted_key` out."
            )
        return None
    public_key, signature = _read(files[SIGNATURE], f"{where}: {SIGNATURE}")
    shown = base64.b64encode(public_key).decode()
    if not _keys(f"{where}: the avatar is signed. Checking that").holds(public_key, signature, files[SIGNED]):
        raise RenderError(f"{where}: {SIGNED} is not what was signed; it was changed afterwards. {_TAKE_OFF}")
    if expected is not None and public_key != expected:
        raise RenderError(
            f"{where}: the avatar is signed by the key {shown}, which is not that of {trusted_key}. It does not come "
            "from whom you expect; ask them for their copy."
        )
    return shown


def new_keys(path: Path) -> Path:
    """Make a private key at `path` and its public key beside it, whose file is returned.

    Raises:
        RenderError: a file is there already or can't be written, or `cryptography` is not installed.
    """
    public: Path = _keys("Making keys").new_keys(path)
    return public


def _read(raw: bytes, where: str) -> tuple[bytes, bytes]:
    """Public key and signature."""
    try:
        content = _Content.model_validate_json(raw)
        public_key, signature = (
            base64.b64decode(text, validate=True) for text in (content.public_key, content.signature)
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]).encode("unicode_escape").decode("ascii")[:80]
        raise RenderError(f"{where}: not a signature ({place or 'JSON'}: {first['msg']}). {_TAKE_OFF}") from error
    except binascii.Error as error:
        raise RenderError(f"{where}: not a signature ({error}). {_TAKE_OFF}") from error
    if (len(public_key), len(signature)) != (_KEY_BYTES, _SIGNATURE_BYTES):
        raise RenderError(
            f"{where}: not a signature (key and signature have {len(public_key)} and {len(signature)} bytes, expected "
            f"{_KEY_BYTES} and {_SIGNATURE_BYTES}). {_TAKE_OFF}"
        )
    return public_key, signature


def _keys(what: str) -> ModuleType:
    try:
        from src.render import signing_keys
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("cryptography"):
            raise
        raise RenderError(
            f'{what} needs the package cryptography. Install it with `pip install "audio2motion[sign]"`.'
        ) from error
    return signing_keys
