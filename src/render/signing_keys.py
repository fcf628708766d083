"""Ed25519 keys in PEM files: made, read, signed with and checked with. The only module that needs `cryptography`.

It is the extra `sign`; `src/render/avatar_signature.py` imports this module when a signature is made or looked at.
"""

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from src.errors import RenderError

_LARGEST_KEY = 1 << 14
_MAKE_KEY = "`python -m scripts.sign_avatar new_key=<file>` makes a new pair of keys."
_ASK = "Give the *.public.pem of whoever signs."


def new_keys(path: Path) -> Path:
    """Make a pair of keys: the private one at `path`, readable for its owner alone, the public one beside it.

    Nothing is ever overwritten: who loses a private key can't sign as the same person again.

    Returns:
        The file of the public key, `<stem>.public.pem`.

    Raises:
        RenderError: a file is there already, or can't be written.
    """
    public = public_beside(path)
    for file in (path, public):
        if file.exists() or file.is_symlink():
            raise RenderError(f"{file}: there is a file already, and keys are never overwritten. Choose another name.")
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, content, mode in ((path, private_pem, 0o600), (public, public_pem, 0o644)):
            # Made with its mode, so that no moment is left in which others could read it.
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
                opened.write(content)
    except OSError as error:
        raise RenderError(f"{path}: the keys can't be written ({error}). Choose another place.") from error
    return public


def public_beside(path: Path) -> Path:
    """The public key's file beside the private one's."""
    return path.with_name(f"{path.stem}.public.pem")


def sign(message: bytes, private_key: Path) -> tuple[bytes, bytes]:
    """The 32 bytes of the public key, and the 64 of the signature.

    Raises:
        RenderError: the file holds no Ed25519 private key in PEM, or one under a password.
    """
    try:
        key = load_pem_private_key(_pem(private_key), None)
    except TypeError as error:
        raise RenderError(
            f"{private_key}: the key is under a password, which is not asked for here. Write a copy without: "
            "`openssl pkey -in <key> -out <copy>`."
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RenderError(f"{private_key}: no private key in PEM. {_MAKE_KEY}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise RenderError(f"{private_key}: a key of another kind than Ed25519. {_MAKE_KEY}")
    return key.public_key().public_bytes_raw(), key.sign(message)


def read_public_key(path: Path) -> bytes:
    """The 32 bytes of a public key.

    Raises:
        RenderError: the file holds no Ed25519 public key in PEM.
    """
    pem = _pem(path)
    if b"PRIVATE KEY" in pem:
        raise RenderError(f"{path}: a private key, which only its owner should have. {_ASK}")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RenderError(f"{path}: no public key in PEM. {_ASK}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise RenderError(f"{path}: a key of another kind than Ed25519. {_ASK}")
    return key.public_bytes_raw()


def holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a signature of 64 bytes over a message was made with the private part of a key of 32 bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _pem(path: Path) -> bytes:
    try:
        with open(path, "rb") as opened:
            return opened.read(_LARGEST_KEY)
    except OSError as error:
        raise RenderError(f"{path}: the key can't be read ({error.strerror}). Check the path. {_MAKE_KEY}") from error
