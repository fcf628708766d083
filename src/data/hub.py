"""What a repository of the Hugging Face hub says about its large files: their sizes and check sums.

Reference:
    The hub's API, `/api/models/<repository>/tree/<revision>`: a large file has its SHA-256 as `lfs.oid`.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from src.data.download import RemoteFile, connection
from src.errors import DataError

_SHA256_DIGITS = 64
_MOST_PAGES = 100
"""Of a list; each has a thousand files."""


def hub_files(
    hub: str, repository: str, revision: str, names: Collection[str], *, out: Path, timeout_s: float
) -> list[RemoteFile]:
    """Ask the hub about files.

    Args:
        hub: http or https address of the hub or of a mirror with the same API.
        repository: owner and name.
        revision: branch, tag or commit.
        names: paths in the repository.
        out: folder that they are to lie in, for messages.
        timeout_s: how long the server may be silent.

    Returns:
        In the order of `names`, with the SHA-256 and the size that the server states.

    Raises:
        DataError: the network or the server fails, a file is missing, or no SHA-256 of it is stated.
    """
    address = f"{hub.rstrip('/')}/api/models/{repository}/tree/{quote(revision, safe='')}?recursive=true"
    listed = {str(entry.get("path")): entry for entry in _entries(address, out, timeout_s)}
    missing = [name for name in names if name not in listed]
    if missing:
        raise DataError(
            f"{address}: the repository has no {', '.join(missing)}. Check `model.repository` and `model.revision`."
        )
    files = f"{hub.rstrip('/')}/{repository}/resolve/{quote(revision, safe='')}"
    return [_remote(name, listed[name], f"{files}/{quote(name)}") for name in names]


def _remote(name: str, entry: Mapping[str, Any], url: str) -> RemoteFile:
    stated = entry.get("lfs")
    sha256, size = (stated.get("oid"), stated.get("size")) if isinstance(stated, Mapping) else (None, None)
    sha256 = str(sha256).removeprefix("sha256:").lower()
    if len(sha256) != _SHA256_DIGITS or set(sha256) - set("0123456789abcdef"):
        raise DataError(f"{url}: the server states no SHA-256, so the file can't be checked. Use another mirror.")
    return RemoteFile(name, url, sha256, size if isinstance(size, int) else None)


def _entries(address: str, out: Path, timeout_s: float) -> list[Mapping[str, Any]]:
    """Of all pages of a list."""
    entries: list[Mapping[str, Any]] = []
    page: str | None = address
    for _ in range(_MOST_PAGES):
        if page is None:
            break
        with connection(page, out, timeout_s) as response:
            content, following = response.read(), response.headers.get("Link")
        try:
            rows = json.loads(content)
        except ValueError:
            rows = None
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise DataError(
                f"{page}: no list of files. A proxy or a sign-in page may be in the way; try another network or mirror."
            )
        entries += rows
        page = _next_page(page, following)
    return entries


def _next_page(page: str, links: str | None) -> str | None:
    """The address after `<...>; rel="next"` in a `Link` header."""
    for link in (links or "").split(","):
        address, _, relation = link.strip().partition(">")
        if 'rel="next"' in relation:
            return urljoin(page, address.removeprefix("<"))
    return None
