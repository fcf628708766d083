"""Who comes in: a token where others can reach the server, our names, our pages."""

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from src.errors import ConfigError
from src.realtime.server.access import COOKIE, SAFETY_HEADERS, Access, Guard
from src.realtime.server.limits import RateLimit

TOKEN = "a-long-and-secret-token"


def client(access: Access, *, burst: float = 1000, base: str = "http://127.0.0.1:8000") -> TestClient:
    async def hello(request: object) -> PlainTextResponse:
        return PlainTextResponse("hello")

    app = Starlette(routes=[Route("/", hello, methods=["GET", "POST"]), Route("/api", hello, methods=["GET", "POST"])])
    app.add_middleware(Guard, access=access, rate=RateLimit(per_second=0.001, burst=burst))
    return TestClient(app, base_url=base)


LOCAL = Access(host="127.0.0.1", token=None, names=())
OPEN = Access(host="0.0.0.0", token=TOKEN, names=())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(host: str) -> None:
    Access(host=host, token=None, names=())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_a_server_that_others_reach_is_refused_without_a_token(host: str) -> None:
    with pytest.raises(ConfigError, match=f"host={host}: other machines .* Set token="):
        Access(host=host, token=None, names=())


@pytest.mark.parametrize("token", ["", "short", "fifteen letters", "täglich neues Wort hier"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="at least 16 printable ASCII characters"):
        Access(host="0.0.0.0", token=token, names=())


def test_foreign_names_are_refused_on_loopback() -> None:
    assert client(LOCAL).get("/").text == "hello"
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[", "2130706433"):
        assert client(LOCAL).get("/", headers={"host": host}).status_code == 421, host
    for host in ("localhost:8000", "LOCALHOST", "[::1]:8000", "127.0.0.1"):
        assert client(LOCAL).get("/", headers={"host": host}).status_code == 200, host


def test_a_name_that_was_given_is_ours() -> None:
    behind = Access(host="127.0.0.1", token=None, names=("face.example",))
    assert client(behind).get("/", headers={"host": "face.example"}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://127.0.0.1:8000", 200), (None, 200), ("http://127.0.0.1:9000", 403), ("https://evil.example", 403),
     ("null", 403), ("http://localhost:8000", 403), ("", 403)],
)  # fmt: skip
def test_only_our_own_page_may_post(origin: str | None, status: int) -> None:
    headers = {} if origin is None else {"origin": origin}
    assert client(LOCAL).post("/api", headers=headers).status_code == status
    assert client(LOCAL).get("/api", headers=headers).status_code == 200  # reading is kept from others by the browser


def test_the_token_opens_as_a_header() -> None:
    visitor = client(OPEN, base="http://192.168.1.5:8000")
    assert visitor.get("/api").status_code == 401
    assert visitor.get("/api").headers["www-authenticate"] == "Bearer"
    assert visitor.get("/api", headers={"authorization": f"Bearer {TOKEN}"}).text == "hello"
    for wrong in (f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer ä"):
        assert visitor.get("/api", headers={"authorization": wrong.encode()}).status_code == 401, wrong


def test_the_token_in_the_address_becomes_a_cookie_that_scripts_and_other_pages_cannot_use() -> None:
    visitor = client(OPEN)
    answer = visitor.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert visitor.get("/").text == "hello"
    assert visitor.post("/api", headers={"origin": "https://evil.example"}).status_code == 403


def test_the_token_in_the_address_works_for_the_page_alone() -> None:
    assert client(OPEN).get(f"/api?token={TOKEN}").status_code == 401
    assert client(OPEN).post(f"/?token={TOKEN}").status_code == 401
    assert client(OPEN).get("/?token=something-else-of-length").status_code == 401


@pytest.mark.parametrize("cookie", [f"{COOKIE}=", f"{COOKIE}={TOKEN}", "\x01=;;;", f"{COOKIE}=0"])
def test_a_wrong_cookie_opens_nothing(cookie: str) -> None:
    assert client(OPEN).get("/", headers={"cookie": cookie}).status_code == 401


def test_comparing_takes_no_shortcut(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr("hmac.compare_digest", lambda one, other: compared.append((one, other)) or one == other)
    access = Access(host="0.0.0.0", token=TOKEN, names=())
    assert access.refusal(headers=Headers({"authorization": f"Bearer {TOKEN}"}), changes=False) is None
    cookie = Headers({"cookie": f"{COOKIE}={access.cookie}"})
    assert access.refusal(headers=cookie, changes=False) is None
    assert len(compared) == 3  # the header, and no header before the cookie


def test_every_answer_carries_the_headers_of_safety() -> None:
    for access, burst, path in ((LOCAL, 9, "/"), (LOCAL, 9, "/missing"), (OPEN, 9, "/"), (LOCAL, 0, "/")):
        answer = client(access, burst=burst).get(path)
        assert {name: answer.headers[name] for name in SAFETY_HEADERS} == SAFETY_HEADERS
        assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in SAFETY_HEADERS["content-security-policy"]


def test_too_many_requests_are_refused_before_the_token_is_looked_at() -> None:
    visitor = client(OPEN, burst=2)
    assert [visitor.get("/").status_code for _ in range(4)] == [401, 401, 429, 429]
