import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from src.data.download import CHUNK_BYTES, RemoteFile, download
from src.errors import DataError

CONTENT = bytes(range(256)) * 1024
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Sends the content, also under names that make it fail."""

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if self.path == "/broken" else CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def fetch(url: str, path: Path, sha256: str = SHA256) -> tuple[bool, list[tuple[int, int | None]]]:
    progress: list[tuple[int, int | None]] = []
    remote = RemoteFile(path.name, url, sha256, None)
    fetched = download(remote, path, timeout_s=5.0, retries=0, report=lambda *state: progress.append(state))
    return fetched, progress


def test_a_file_is_fetched_with_progress_and_only_once(server: str, tmp_path: Path) -> None:
    path = tmp_path / "models" / "file.task"
    fetched, progress = fetch(f"{server}/file.task", path)
    assert fetched
    assert path.read_bytes() == CONTENT
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert len(progress) >= len(CONTENT) // CHUNK_BYTES
    assert fetch(f"{server}/file.task", path) == (False, [])
    assert [entry.name for entry in path.parent.iterdir()] == ["file.task"]


def test_a_damaged_file_is_replaced(server: str, tmp_path: Path) -> None:
    path = tmp_path / "file.task"
    path.write_bytes(b"half")
    assert fetch(f"{server}/file.task", path)[0]
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "sha256", "message"),
    [
        ("file.task", "0" * 64, r"SHA-256 [0-9a-f]{64}, expected 0{64}. It was not kept"),
        ("broken", SHA256, "connection broke after 131072 of 262144 bytes"),
        ("missing", SHA256, "can't be fetched .*Not Found"),
    ],
)
def test_what_fails_leaves_the_old_file_and_says_so(
    server: str, tmp_path: Path, name: str, sha256: str, message: str
) -> None:
    path = tmp_path / "file.task"
    path.write_bytes(b"old")
    with pytest.raises(DataError, match=message):
        fetch(f"{server}/{name}", path, sha256)
    assert path.read_bytes() == b"old"
    left = {entry.name: entry.stat().st_size for entry in tmp_path.iterdir() if entry != path}
    assert left == ({f".file.task.{sha256[:16]}.part": 131072} if name == "broken" else {})


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.task"
        with pytest.raises(DataError, match="can't be fetched .*on another machine and copy it to"):
            fetch(url, tmp_path / "file.task")


def test_other_addresses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not an http or https address"):
        fetch("file:///etc/hostname", tmp_path / "file.task")
