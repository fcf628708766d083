"""What is done with whole avatar packages, as they are: sign, put into one file, and back into a folder.

Packages whose consent has ended are handed on too: nothing is rendered here.
"""

from pathlib import Path

from src.errors import RenderError
from src.files import replacing
from src.render.avatar import Avatar, read_package, write_folder
from src.render.avatar_archive import write_archive
from src.render.avatar_schema import DESCRIPTION
from src.render.avatar_signature import SIGNATURE, signature_of


def sign_avatar(path: Path, private_key: Path) -> None:
    """Sign a package where it lies, a folder or an `.avatar` file. An older signature is replaced.

    Args:
        path: of the package.
        private_key: a PEM file of an Ed25519 key.

    Raises:
        RenderError: the package is damaged, or the file holds no such key.
    """
    files = read_package(path)
    files.pop(SIGNATURE, None)
    Avatar.from_files(files, str(path), allow_expired=True)
    files[SIGNATURE] = signature_of(files[DESCRIPTION], private_key)
    if path.is_file():
        write_archive(files, path)
        return
    try:
        with replacing(path / SIGNATURE) as unfinished:
            unfinished.write_bytes(files[SIGNATURE])
    except OSError as error:
        raise RenderError(f"{path}: {SIGNATURE} can't be written ({error}). Check space and permissions.") from error


def pack_avatar(source: Path, out: Path) -> None:
    """Write a package as one `.avatar` file, atomically. The same package gives the same bytes.

    Args:
        source: a package folder, or an `.avatar` file.
        out: the file, named `*.avatar`; an older one is replaced.

    Raises:
        RenderError: the package is damaged, or the file can't have this name.
    """
    files = read_package(source)
    Avatar.from_files(files, str(source), allow_expired=True)
    write_archive(files, out)


def unpack_avatar(source: Path, out: Path, trusted_key: Path | None = None) -> None:
    """Write a package as a folder, atomically, after all of it was checked.

    Args:
        source: an `.avatar` file, or a package folder.
        out: the folder; an older package there is replaced.
        trusted_key: a PEM file of the public key that must have signed the package; None: any, or none.

    Raises:
        RenderError: the package is damaged, holds anything else than a package does, or was signed by another key; or
            the folder exists and is something else than an avatar package.
    """
    files = read_package(source)
    Avatar.from_files(files, str(source), allow_expired=True, trusted_key=trusted_key)
    write_folder(files, out)
