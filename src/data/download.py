"""Fetching a file whose content is known beforehand."""

import http.client
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from src.errors import DataError
from src.files import sha256_of

logger = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024
_PART, _BEYOND_END = 206, 416

Report = Callable[[int, int | None], None]
"""Called with the bytes received so far, and the bytes expected where the server tells."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that others publish.

    Attributes:
        name: path below the folder that it is put into.
        url: where it is.
        sha256: of the content, hexadecimal.
        size: bytes; None: unknown.
    """

    name: str
    url: str
    sha256: str
    size: int | None


def download(remote: RemoteFile, path: Path, *, timeout_s: float, retries: int, report: Report) -> bool:
    """Fetch a file, unless it is there already.

    It appears under its name complete and with the right content, or not at all. What came before a connection broke
    stays beside it: the rest is fetched at once, or by the next call where that doesn't help.

    Args:
        remote: what to fetch; proxies are taken from the environment.
        path: where to put it.
        timeout_s: how long the server may be silent.
        retries: connections after the first one, each as long as the one before brought something.
        report: called with the bytes received so far, those of earlier calls among them.

    Returns:
        Whether anything was fetched.

    Raises:
        DataError: the network or the server fails, or sends something else.
    """
    if path.is_file() and sha256_of(path) == remote.sha256:
        return False
    # Named by the content, so that the rest of another version is never put behind it.
    part = path.with_name(f".{path.name}.{remote.sha256[:16]}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(retries + 1):
        before = part.stat().st_size if part.is_file() else 0
        try:
            with open(part, "ab") as file:
                received, expected = _receive(remote.url, path, file, before, timeout_s, report)
            if expected is None or received == expected:
                break
            raise DataError(
                f"{remote.url}: the connection broke after {received} of {expected} bytes. What came is kept: run the "
                "command again to go on."
            )
        except DataError as error:
            kept = part.stat().st_size
            if not kept:
                part.unlink()
            if attempt == retries or kept <= before:
                raise
            logger.info("%s Going on.", error)
    found = sha256_of(part)
    if found != remote.sha256:
        part.unlink()
        raise DataError(
            f"{remote.url}: what was sent has SHA-256 {found}, expected {remote.sha256}. It was not kept. "
            "A proxy or a sign-in page may be in the way; try another network or mirror."
        )
    part.replace(path)
    return True


@contextmanager
def connection(url: str, path: Path, timeout_s: float, first_byte: int = 0) -> Iterator[http.client.HTTPResponse]:
    """What a server answers, with whatever goes wrong in plain words.

    Args:
        url: http or https address.
        path: where the file is to lie in the end, for the message.
        timeout_s: how long the server may be silent.
        first_byte: of the content that is wanted.

    Raises:
        DataError: the network or the server fails.
    """
    if not url.startswith(("http://", "https://")):
        raise DataError(f"{url}: not an http or https address. Correct `url`.")
    request = urllib.request.Request(url, headers={"Range": f"bytes={first_byte}-"} if first_byte else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            yield response
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError) and error.code == _BEYOND_END:
            raise
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{url}: can't be fetched ({reason}). Check the network, or fetch the file on another machine and copy it "
            f"to {path}."
        ) from error


def _receive(
    url: str, path: Path, file: BinaryIO, first_byte: int, timeout_s: float, report: Report
) -> tuple[int, int | None]:
    """Write what a server sends behind `first_byte`; the bytes that are there then, and those there should be."""
    try:
        with connection(url, path, timeout_s, first_byte) as response:
            if first_byte and response.status != _PART:  # a server that sends the whole file all the same
                file.truncate(0)
                first_byte = 0
            received, length = first_byte, response.headers.get("Content-Length")
            expected = first_byte + int(length) if length and length.isdigit() else None
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                received += len(chunk)
                report(received, expected)
    except urllib.error.HTTPError:  # nothing is behind `first_byte`: the content tells whether it is whole
        return first_byte, first_byte
    return received, expected
