"""Who may talk to the server: a token, the names it answers to, and pages of its own alone.

A server on this machine can be reached by every page in the browser on this machine. So each request must name a
host that is ours (a foreign name that resolves to us is DNS rebinding), and what changes something, or opens a socket,
must come from a page of the same host (or from no page: programs send no Origin).

`Access` decides, `Guard` is the ASGI layer around the application that asks it and adds the headers of safety.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.errors import ConfigError
from src.realtime.loopback import is_loopback
from src.realtime.server.limits import RateLimit

COOKIE = "audio2motion"
SHORTEST_TOKEN = 16
SAFE_METHODS = ("GET", "HEAD")

SAFETY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Refusal:
    """An HTTP status and what to tell the visitor."""

    status: int
    message: str


class Access:
    """The rules for one binding.

    Args (of the constructor):
        host: address that the server binds to.
        token: secret that visitors must bring; None asks for none, on loopback only.
        names: further host names under which the server is reached, as behind a proxy.

    Raises:
        ConfigError: no token though other machines can reach the server, or one that can be guessed.
    """

    def __init__(self, *, host: str, token: str | None, names: Sequence[str]) -> None:
        if token is None and not is_loopback(host):
            raise ConfigError(
                f"host={host}: other machines could use the microphone page and this computer's time. Set "
                "token=<a long secret>, for example from `python -c 'import secrets; print(secrets.token_urlsafe())'`, "
                "or leave host=127.0.0.1."
            )
        if token is not None and not (len(token) >= SHORTEST_TOKEN and token.isascii() and token.isprintable()):
            raise ConfigError(
                f"token has {len(token)} characters; give at least {SHORTEST_TOKEN} printable ASCII characters, for "
                "example from `python -c 'import secrets; print(secrets.token_urlsafe())'`."
            )
        self._token = token
        # Bound to the outside a server has names that it can't know; the token and the cookie, which a browser keeps
        # per name, stand against rebinding there.
        self._names = None if not is_loopback(host) and not names else {"localhost", "127.0.0.1", "::1", host, *names}

    @property
    def cookie(self) -> str | None:
        """What a visitor with the token gets to keep: not the token itself."""
        if self._token is None:
            return None
        return hmac.new(self._token.encode(), b"audio2motion page", hashlib.sha256).hexdigest()

    def knows(self, given: str) -> bool:
        """Whether this is the token, in a time that does not tell how much of it is right."""
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    def refusal(self, *, headers: Headers, changes: bool) -> Refusal | None:
        """Why a request is refused; None if it may pass.

        Args:
            headers: of the request.
            changes: it is a socket, or its method is not one of `SAFE_METHODS`.
        """
        host = headers.get("host", "")
        if self._names is not None and _name_of(host) not in self._names:
            return Refusal(421, "This server does not answer to that name. Open it under the address it printed.")
        origin = headers.get("origin")
        if changes and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return Refusal(403, "Only the server's own page may do this.")
        if self._token is None or self.knows(_bearer(headers)) or self._holds_cookie(headers):
            return None
        return Refusal(401, "A token is needed. Open the address with ?token=... that the server's owner gave you.")

    def _holds_cookie(self, headers: Headers) -> bool:
        try:
            given = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return given is not None and hmac.compare_digest(given.value.encode(), str(self.cookie).encode())


class Guard:
    """ASGI layer: `Access`, the rate of requests, and `SAFETY_HEADERS`."""

    def __init__(self, app: ASGIApp, *, access: Access, rate: RateLimit) -> None:
        self._app, self._access, self._rate = app, access, rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in SAFETY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        response = self._response(scope)
        if response is None:
            await self._app(scope, receive, send_safely)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await response(scope, receive, send_safely)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})

    def _response(self, scope: Scope) -> Response | None:
        """The answer of the guard; None to let the request pass."""
        client = scope["client"][0] if scope.get("client") else ""
        if not self._rate.allows(client, time.monotonic()):
            return _told(Refusal(429, "Too many requests. Wait a minute."))
        headers = Headers(scope=scope)
        is_http = scope["type"] == "http"
        changes = not is_http or scope["method"] not in SAFE_METHODS
        refusal = self._access.refusal(headers=headers, changes=changes)
        if refusal is not None and refusal.status == 401 and is_http and scope["path"] == "/" and not changes:
            token = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token", "")
            if self._access.knows(token):
                return self._welcome(scope)
        return None if refusal is None else _told(refusal)

    def _welcome(self, scope: Scope) -> Response:
        """Exchange the token in the address for a cookie, and take it out of the address."""
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            COOKIE, str(self._access.cookie), httponly=True, samesite="lax", secure=scope["scheme"] == "https"
        )
        return response


def _told(refusal: Refusal) -> Response:
    headers = {"www-authenticate": "Bearer"} if refusal.status == 401 else None
    return JSONResponse({"message": refusal.message}, status_code=refusal.status, headers=headers)


def _bearer(headers: Headers) -> str:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
