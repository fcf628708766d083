"""An avatar package as one `.avatar` file: a zip of exactly its files, not compressed, with the same bytes each time.

What is read may come from anyone. Names are compared with the few that a package has, so that nothing can lie outside
the folder it is unpacked to. Nothing compressed is accepted, so that a file never gives more than its own length; and
all is checked in memory before anything is written.
"""

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

from src.errors import RenderError
from src.files import replacing
from src.render.avatar_files import LARGEST_BYTES, OPTIONAL_BYTES

SUFFIX = ".avatar"

_ALLOWED = LARGEST_BYTES | OPTIONAL_BYTES
_PACK = "Pack the avatar again with `python -m scripts.pack_avatar`."
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a zip can hold."""
_END_BYTES = 22
_DIRECTORY_BYTES = 4096
"""More than the directory of a package needs, names, extra fields and comments included."""
_ZIP64_LOCATOR, _ZIP64_LOCATOR_BYTES = b"PK\x06\x07", 20
_ENCRYPTED = 1


def write_archive(files: Mapping[str, bytes], path: Path) -> None:
    """Write a package as one file, in one step. The same package gives the same bytes.

    Raises:
        RenderError: the name does not end in `.avatar`, a folder has it, or it can't be written.
    """
    if path.suffix != SUFFIX:
        raise RenderError(f"{path}: the name of a packed avatar ends in {SUFFIX}. Choose another `out`.")
    if path.is_dir():
        raise RenderError(f"{path}: a folder has the name of the file. Choose another `out`.")
    try:
        with replacing(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
            for name in (name for name in _ALLOWED if name in files):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system = 3  # Unix, wherever it is written
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, files[name])
    except OSError as error:
        raise RenderError(f"{path}: the file can't be written ({error}). Check space and permissions.") from error


def read_archive(path: Path) -> dict[str, bytes]:
    """The content of each file of a packed avatar.

    Raises:
        RenderError: no zip, a damaged one, or one with anything else in it than the files of one package.
    """
    try:
        _check_end(path)
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(entries, path)
            return {entry.filename: _content(archive, entry, path) for entry in entries}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        raise RenderError(f"{path}: not a readable {SUFFIX} file ({error}). {_PACK}") from error


def _check_end(path: Path) -> None:
    """Bound what the zip reader will look at, before it does."""
    length, largest = path.stat().st_size, sum(_ALLOWED.values()) + 2 * _DIRECTORY_BYTES
    if length > largest:
        raise RenderError(f"{path}: {length} bytes, a packed avatar has at most {largest}. {_PACK}")
    with open(path, "rb") as opened:
        opened.seek(max(length - _END_BYTES - _ZIP64_LOCATOR_BYTES, 0))
        tail = opened.read()
    end = tail[-_END_BYTES:]
    if len(end) < _END_BYTES or not end.startswith(b"PK\x05\x06") or tail.startswith(_ZIP64_LOCATOR):
        raise RenderError(f"{path}: not a readable {SUFFIX} file (no zip, or an incomplete one). {_PACK}")
    count, directory = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if not len(LARGEST_BYTES) <= count <= len(_ALLOWED) or directory > _DIRECTORY_BYTES:
        raise RenderError(
            f"{path}: {count} files, listed in {directory} bytes; a packed avatar has {len(LARGEST_BYTES)}. {_PACK}"
        )


def _check_entries(entries: list[zipfile.ZipInfo], path: Path) -> None:
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        # `filename` is what is left of the name after the reader has cleaned it.
        if entry.orig_filename not in _ALLOWED or entry.filename != entry.orig_filename:
            raise RenderError(
                f"{path}: holds {entry.orig_filename[:80]!r}, expected only {', '.join(_ALLOWED)}. {_PACK}"
            )
        if kind not in (0, stat.S_IFREG):
            raise RenderError(f"{path}: {entry.filename} is a link or another special file. {_PACK}")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type != zipfile.ZIP_STORED:
            raise RenderError(f"{path}: {entry.filename} is compressed or encrypted. {_PACK}")
        if entry.file_size > _ALLOWED[entry.filename] or entry.compress_size != entry.file_size:
            raise RenderError(
                f"{path}: {entry.filename} claims {entry.file_size} bytes, stored as {entry.compress_size}; at most "
                f"{_ALLOWED[entry.filename]} are allowed. {_PACK}"
            )
    names = {entry.filename for entry in entries}
    if len(entries) != len(names):
        raise RenderError(f"{path}: holds a file twice. {_PACK}")
    if missing := LARGEST_BYTES.keys() - names:
        raise RenderError(f"{path}: the avatar package lacks {', '.join(sorted(missing))}. {_PACK}")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> bytes:
    with archive.open(entry) as opened:
        content = opened.read(_ALLOWED[entry.filename] + 1)
    if len(content) != entry.file_size:
        raise RenderError(f"{path}: {entry.filename} has {len(content)} bytes, claims {entry.file_size}. {_PACK}")
    return content
