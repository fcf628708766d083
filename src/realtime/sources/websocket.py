"""Sound from a program that connects: a small WebSocket server.

The client says `{"sample_rate": 48000}` once, then sends binary messages of 16-bit little-endian mono samples, at any
pace: what is ahead of speech waits here. `{"end": true}` ends a sentence, `{"clear": true}` interrupts: what was sent
before and is not yet seen and heard is forgotten. A client that leaves ends its sentence.
"""

import hmac
import json
import logging
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from src.errors import ConfigError, StreamError
from src.realtime.frame import Chunk
from src.realtime.intake import AudioIntake
from src.realtime.loopback import is_loopback
from src.realtime.sources.chunk_size import chunk_size
from src.realtime.sources.sound_queue import NOTHING, SoundQueue

logger = logging.getLogger(__name__)

LOOK_S = 0.1
TAKEOVER_S = 0.5
"""A client waits so long for the one before it, who may just be leaving."""
_NOT_UNDERSTOOD, _BUSY, _OVER = 1003, 1013, 1001


class WebSocketSource:
    """One client at a time; others are told to come back."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        token: str | None,
        sample_rate_hz: int,
        chunk_ms: float,
        buffer_s: float,
        max_message_kb: int,
        max_clients: int | None,
    ) -> None:
        """See the class; `chunks` opens the port.

        Args:
            host: address to listen at. Another one than this machine's own needs a token.
            port: 0 takes a free one.
            token: what clients must show, as `Authorization: Bearer <token>` or `?token=<token>`; null asks for none.
            sample_rate_hz: of the chunks; clients' sound is converted to it.
            chunk_ms: length of the pieces.
            buffer_s: bound of what a client may be ahead; then its connection is not read until there is room.
            max_message_kb: a larger message ends the connection.
            max_clients: the run ends when so many have come and gone; null goes on for ever.

        Raises:
            ConfigError: open to others without a token, or numbers that can't be.
        """
        if not token and not is_loopback(host):
            raise ConfigError(
                f"speech.host={host} lets other machines connect, and there is no token. Set speech.token to a long "
                "secret, or listen at 127.0.0.1."
            )
        counts_are_good = max_message_kb >= 1 and (max_clients is None or max_clients >= 1)
        if not 0 <= port <= 65_535 or buffer_s <= 0 or not counts_are_good:
            raise ConfigError(
                f"speech.port={port}, buffer_s={buffer_s:g}, max_message_kb={max_message_kb}, max_clients="
                f"{max_clients}: a port is 0 .. 65535 and the others are above 0. Correct them."
            )
        self._host, self._token, self._max_bytes = host, token, 1024 * max_message_kb
        self._rate, self._chunk_samples = sample_rate_hz, chunk_size(chunk_ms, sample_rate_hz)
        self._queue = SoundQueue(capacity=max(round(buffer_s * sample_rate_hz), self._chunk_samples))
        self._max_clients, self._num_left = max_clients, 0
        self._busy = threading.Lock()
        self.port = port
        """Where it listens; once open, the free one that was taken for 0."""

    @property
    def sample_rate_hz(self) -> int:
        """Of all chunks."""
        return self._rate

    @property
    def chunk_samples(self) -> int:
        """Size of the largest chunk."""
        return self._chunk_samples

    def chunks(self) -> Iterator[Chunk]:
        """(s,) pieces as they come; the first, without sound, when the port is open.

        Raises:
            StreamError: the package is missing, or the port is taken.
        """
        server = self._opened()
        self.port = server.socket.getsockname()[1]
        name = f"[{self._host}]" if ":" in self._host else self._host
        logger.info("waiting for sound at ws://%s:%d", name, self.port)
        thread = threading.Thread(target=server.serve_forever, name="websocket", daemon=True)
        thread.start()
        try:
            yield Chunk(NOTHING, at_s=None)
            while (taken := self._queue.take(self._chunk_samples, LOOK_S)) is not None:
                yield Chunk(taken.samples, at_s=None, ends_segment=taken.ends_segment, clears=taken.clears)
        finally:
            self._queue.close()
            server.shutdown()
            thread.join()
            with self._busy:  # the client's thread is over
                pass

    def _opened(self) -> Any:
        try:
            from websockets.sync.server import serve
        except ImportError as error:
            raise StreamError(
                f"the source websocket needs the package websockets ({error}). Install it with `pip install "
                '"audio2motion[serve]"`.'
            ) from error
        try:
            # No origins but none: a page in somebody's browser must not speak through this machine's own port. No
            # pings: a client that is ahead is not read, so neither are its answers.
            return serve(
                self._attend,
                self._host,
                self.port,
                origins=[None],
                process_request=self._admit,
                max_size=self._max_bytes,
                compression=None,
                ping_interval=None,
                close_timeout=1,
                logger=_QUIET,
            )
        except OSError as error:
            raise StreamError(
                f"nothing can listen at {self._host}:{self.port} ({error}). Another program may have the port: choose "
                "one with speech.port, or 0 for a free one."
            ) from error

    def _admit(self, connection: Any, request: Any) -> Any:
        """A refusal, or None for a client that may speak."""
        if self._token is None:
            return None
        shown = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            shown = bearer.strip()
        if hmac.compare_digest(shown.encode(), self._token.encode()):
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "a token is needed: Authorization: Bearer <token>\n")

    def _attend(self, connection: Any) -> None:
        """The thread of a client."""
        if not self._busy.acquire(timeout=TAKEOVER_S):
            connection.close(_BUSY, "another client is speaking; come back later")
            return
        try:
            if not self._queue.is_closed:
                logger.info("a client speaks")
                problem = self._listen(connection)
                connection.close(_NOT_UNDERSTOOD if problem else _OVER, problem)
                logger.info("the client has left%s", f": {problem}" if problem else "")
                self._queue.end_segment()
                self._num_left += 1
                if self._num_left == self._max_clients:
                    self._queue.finish()
        finally:
            self._busy.release()

    def _listen(self, connection: Any) -> str:
        """Take what a client sends until it leaves; what was wrong with it, or nothing."""
        intake, rate_hz = AudioIntake(sample_rate_hz=self._rate), None
        for message in connection:
            try:
                if isinstance(message, bytes):
                    if rate_hz is None:
                        return 'say {"sample_rate": <Hz>} before the first sound'
                    goes_on = self._queue.put(intake.take(message, rate_hz))
                else:
                    told = json.loads(message)
                    if not isinstance(told, dict) or len(told) != 1:
                        return "a text message is one of sample_rate, end, clear"
                    ((word, value),) = told.items()
                    if word == "sample_rate" and isinstance(value, int) and not isinstance(value, bool):
                        AudioIntake(sample_rate_hz=self._rate).take(b"", value)  # refuses rates that can't be
                        rate_hz = value
                    elif word == "end" and value is True:
                        self._queue.put(intake.finish())
                        self._queue.end_segment()
                    elif word == "clear" and value is True:
                        intake.reset()
                        self._queue.clear()
                    else:
                        return "a text message is one of sample_rate, end, clear"
                    goes_on = not self._queue.is_closed
            except (ValueError, StreamError) as error:
                return f"not understood: {error}"[:100]
            if not goes_on:
                break
        self._queue.put(intake.finish())
        return ""


_QUIET = logging.getLogger(f"{__name__}.protocol")
_QUIET.setLevel(logging.CRITICAL)  # refused clients are no matter for a traceback in our log
