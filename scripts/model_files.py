"""Models that `scripts.download_models` fetches: where their files are, and what they must contain."""

import json
from collections.abc import Callable
from pathlib import Path

from src.data.blendshapes import MODEL_SHA256
from src.data.download import RemoteFile
from src.data.hub import hub_files
from src.errors import DataError
from src.files import sha256_of, write_json
from src.render.liveportrait.weights import FILES, REPOSITORY

CHECKSUMS = "checksums.json"

Fetch = Callable[[RemoteFile], None]
"""Puts a file into its place, unless it is there already."""


class FaceLandmarker:
    """MediaPipe's face landmarker with blendshapes; this program knows its check sum."""

    def __init__(self, *, url: str) -> None:
        """From an address."""
        self._url = url

    def fetch(self, out: Path, fetch: Fetch, timeout_s: float) -> None:
        """One file."""
        fetch(RemoteFile("face_landmarker.task", self._url, MODEL_SHA256, None))


class LivePortrait:
    """The official weights. Nobody publishes check sums of them but the hub they lie on.

    So those that the hub states at the first time are kept beside the files, and other ones are refused from then on.
    """

    def __init__(self, *, url: str, revision: str) -> None:
        """From the hub at an address, at a branch, tag or commit."""
        self._url, self._revision = url, revision

    def fetch(self, out: Path, fetch: Fetch, timeout_s: float) -> None:
        """The files of F, M, W, G and the small networks, and `checksums.json`.

        Nobody is asked if all of them are there and as they were recorded.

        Raises:
            DataError: the hub can't be asked, or states other check sums than those that were recorded.
        """
        names = list(dict.fromkeys(file.source.name for file in FILES.values()))
        recorded = _recorded(out)
        if not all(name in recorded and _is_whole(out, recorded[name]) for name in names):
            stated = hub_files(self._url, REPOSITORY, self._revision, names, out=out, timeout_s=timeout_s)
            for file in stated:
                before = recorded.get(file.name, file).sha256
                if file.sha256 != before:
                    raise DataError(
                        f"{file.url}: the server states SHA-256 {file.sha256}, but {out / CHECKSUMS} has {before}. "
                        "Either the file was published anew, or the server is not what it was. Delete the record if "
                        "you trust it."
                    )
            recorded = {file.name: file for file in stated}
        for name in names:
            fetch(recorded[name])
        content = {
            name: {"sha256": recorded[name].sha256, "size": recorded[name].size, "url": recorded[name].url}
            for name in names
        }
        write_json(out / CHECKSUMS, {"repository": REPOSITORY, "files": content})


def _is_whole(out: Path, file: RemoteFile) -> bool:
    path = out / file.name
    return path.is_file() and sha256_of(path) == file.sha256


def _recorded(out: Path) -> dict[str, RemoteFile]:
    """By name; empty if nothing was fetched here before."""
    path = out / CHECKSUMS
    if not path.is_file():
        return {}
    try:
        files = json.loads(path.read_text("utf-8"))["files"]
        return {name: RemoteFile(name, file["url"], file["sha256"], file["size"]) for name, file in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not the record of a download ({error!r}). Delete it.") from error
