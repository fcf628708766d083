"""Fetching a file whose content is known beforehand."""

import hashlib
import http.client
import logging
import urllib.request
from collections.abc import Callable
from pathlib import Path

from src.errors import DataError
from src.files import replacing, sha256_of

logger = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024


def download(url: str, path: Path, *, sha256: str, timeout_s: float, report: Callable[[int, int | None], None]) -> bool:
    """Fetch a file, unless it is there already.

    It appears under its name complete and with the right content, or not at all.

    Args:
        url: http or https address; proxies are taken from the environment.
        path: where to put it.
        sha256: of the content, hexadecimal.
        timeout_s: how long the server may be silent.
        report: called with the bytes received so far, and the bytes expected where the server tells.

    Returns:
        Whether anything was fetched.

    Raises:
        DataError: the network or the server fails, or sends something else.
    """
    if not url.startswith(("http://", "https://")):
        raise DataError(f"{url}: not an http or https address. Correct `url`.")
    if path.is_file() and sha256_of(path) == sha256:
        return False
    digest, received = hashlib.sha256(), 0
    try:
        with replacing(path) as unfinished:
            with urllib.request.urlopen(url, timeout=timeout_s) as response, open(unfinished, "wb") as file:
                length = response.headers.get("Content-Length")
                expected = int(length) if length and length.isdigit() else None
                while chunk := response.read(CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    received += len(chunk)
                    report(received, expected)
            if expected is not None and received != expected:
                raise DataError(f"{url}: the connection broke after {received} of {expected} bytes. Try again.")
            if digest.hexdigest() != sha256:
                raise DataError(
                    f"{url}: what was sent has SHA-256 {digest.hexdigest()}, expected {sha256}. It was not kept. "
                    "A proxy or a sign-in page may be in the way; try another network or mirror."
                )
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{url}: can't be fetched ({reason}). Check the network, or fetch the file on another machine and copy it "
            f"to {path}."
        ) from error
    return True
