"""A Hugging Face hub on this machine: lists files page by page, sends them past a redirection, fails on demand."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """What the server has, and how it misbehaves.

    Attributes:
        files: content by path.
        stated: what it says of the SHA-256 of a path, where that isn't the truth; None: nothing.
        cuts: number of answers yet that break off after half of what was asked for, by path.
        ranges: the first bytes that were asked for, by path, in order.
        address: of the server.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.stated: dict[str, str | None] = {}
        self.cuts: dict[str, int] = {}
        self.ranges: dict[str, list[int]] = {}
        self.ignores_ranges = False
        self.listed = 0
        self.address = ""

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [{"type": "directory", "path": "liveportrait", "oid": "0" * 40, "size": 0}]
        for path, content in self.files.items():
            row = {"type": "file", "path": path, "oid": "0" * 40, "size": len(content)}
            oid = self.stated.get(path, hashlib.sha256(content).hexdigest())
            if oid is not None:
                row["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
            rows.append(row)
        return rows

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        place, _, query = request.path.partition("?")
        if place == "/api/models/KwaiVGI/LivePortrait/tree/main":
            self.listed += 1
            first = "cursor" not in query
            rows = self.rows()[:2] if first else self.rows()[2:]
            content = json.dumps(rows).encode()
            link = {"Link": f'<{self.address}{place}?recursive=true&cursor=2>; rel="next"'} if first else {}
            _send(request, 200, content, content, link)
        elif place.startswith("/KwaiVGI/LivePortrait/resolve/main/"):
            path = place.removeprefix("/KwaiVGI/LivePortrait/resolve/main/")
            _send(request, 302, b"", b"", {"Location": f"{self.address}/storage/{path}"})
        elif place.startswith("/storage/"):
            self.send_file(request, place.removeprefix("/storage/"))
        else:
            request.send_error(404)

    def send_file(self, request: BaseHTTPRequestHandler, path: str) -> None:
        content = self.files[path]
        wanted = request.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.ranges.setdefault(path, []).append(start)
        if start >= len(content):
            request.send_error(416)
            return
        if self.ignores_ranges:
            start = 0
        rest = content[start:]
        is_cut = self.cuts.get(path, 0) > 0
        self.cuts[path] = self.cuts.get(path, 0) - is_cut
        _send(request, 206 if start else 200, rest, rest[: len(rest) // 2] if is_cut else rest, {})


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Run the server while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    hub.address = f"http://127.0.0.1:{httpd.server_port}"
    try:
        yield hub
    finally:
        httpd.shutdown()
        httpd.server_close()


def _send(request: BaseHTTPRequestHandler, status: int, announced: bytes, sent: bytes, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(announced)), **headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(sent)
