"""The web application: the page, its pictures, uploads, and the socket of each session.

| route | |
|---|---|
| `GET /` | the page |
| `GET /page/{file}` | its script and style |
| `GET /api/about` | avatars, limits, whether there is a voice |
| `GET /api/avatars/{key}/picture` | a thumbnail |
| `POST /api/sessions/{key}/recording` | a recording to speak, the body as it is |
| `WS /api/session?avatar={key}` | a session; see `messages.py` |
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import JSONResponse

from src.errors import ConfigError, DataError, StreamError
from src.realtime.server.access import Access, Guard
from src.realtime.server.gallery import Gallery
from src.realtime.server.limits import Limits, RateLimit
from src.realtime.server.speech import Speech
from src.realtime.server.uploads import TooLargeError, decode_upload, save_upload
from src.realtime.server.visitor import Visitor
from src.realtime.server.visits import Visits
from src.realtime.tts import Voice

logger = logging.getLogger(__name__)

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
BURST = 60
"""Requests that a client may make at once, beside two for each avatar: a few pages."""
DECODED_AT_ONCE = 1
UPLOAD_RATE_HZ = 16_000


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Of the pictures: kilobits per second over WebRTC, JPEG quality (1 .. 100) over the socket."""

    video_kbps: float
    jpeg_quality: int

    def __post_init__(self) -> None:
        if not (self.video_kbps >= 100 and 1 <= self.jpeg_quality <= 100):
            raise ConfigError(
                f"quality.video_kbps={self.video_kbps:g} and quality.jpeg_quality={self.jpeg_quality}: expected 100 or "
                "more, and 1 .. 100. Correct them."
            )


def create_app(*, gallery: Gallery, voice: Voice | None, access: Access, limits: Limits, quality: Quality) -> FastAPI:
    """The application, with its guard around it.

    Args:
        gallery: the avatars.
        voice: says texts; None for a server without.
        access: who may come in.
        limits: how much each may take.
        quality: see `Quality`.
    """
    visits = Visits(limits)
    decoding = asyncio.Semaphore(DECODED_AT_ONCE)
    speech = None if voice is None else Speech(voice, limits)
    pages = {path.name: path.read_bytes() for path in _page_files()}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="audio2motion-") as folder:
            app.state.folder = Path(folder)
            yield

    app = FastAPI(title="Audio2Motion", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    rate = RateLimit(per_second=limits.max_requests_per_min / 60, burst=BURST + 2 * len(gallery.entries))
    app.add_middleware(Guard, access=access, rate=rate)

    @app.get("/")
    async def page() -> Response:
        return Response(pages["index.html"], media_type=TYPES[".html"])

    @app.get("/page/{name}")
    async def part(name: str) -> Response:
        if name not in pages:
            raise HTTPException(404)
        return Response(pages[name], media_type=TYPES[Path(name).suffix])

    @app.get("/api/about")
    async def about() -> dict[str, object]:
        return {
            "avatars": [{"key": entry.key, "name": entry.name} for entry in gallery.entries.values()],
            "voice": speech is not None,
            "limits": {
                "text_chars": limits.max_text_chars,
                "upload_mb": limits.max_upload_mb,
                "recording_s": limits.max_recording_s,
            },
        }

    @app.get("/api/avatars/{key}/picture")
    async def picture(key: str) -> Response:
        if key not in gallery.entries:
            raise HTTPException(404)
        return Response(
            gallery.entries[key].thumbnail, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"}
        )

    @app.post("/api/sessions/{key}/recording")
    async def recording(key: str, request: Request) -> Response:
        visit = visits.find(key)
        if visit is None or visit.live is None:
            return JSONResponse({"message": "That session is over. Start again."}, status_code=404)
        if visit.is_sending:
            message = "A recording is being sent already. Wait until it is there."
            return JSONResponse({"message": message}, status_code=409)
        if int(request.headers.get("content-length", 0)) > limits.max_upload_bytes:
            return _too_large(limits)
        visit.is_sending = True
        try:
            async with asyncio.timeout(limits.idle_timeout_s):
                path = await save_upload(request.stream(), limits.max_upload_bytes, app.state.folder)
            try:
                async with decoding:
                    sound = await asyncio.to_thread(
                        decode_upload, path, sample_rate_hz=UPLOAD_RATE_HZ, longest_s=limits.max_recording_s
                    )
            finally:
                path.unlink()
            visit.live.speak(sound.waveform, sound.sample_rate_hz)
        except TooLargeError:
            return _too_large(limits)
        except DataError as error:
            return JSONResponse({"message": str(error)}, status_code=415)
        except StreamError as error:
            return JSONResponse({"message": str(error)}, status_code=409)
        except TimeoutError:
            return JSONResponse({"message": "The recording came too slowly. Send a shorter one."}, status_code=408)
        finally:
            visit.is_sending = False
        return JSONResponse({"seconds": round(sound.duration_s, 2)}, status_code=202)

    @app.websocket("/api/session")
    async def session(socket: WebSocket, avatar: str) -> None:
        if avatar not in gallery.entries:
            await socket.close(1008)
            return
        await socket.accept()
        client = socket.client.host if socket.client else ""
        visitor = Visitor(
            socket,
            limits=limits,
            speech=speech,
            video_kbps=quality.video_kbps,
            jpeg_quality=quality.jpeg_quality,
        )
        await visitor.serve(visits, client, lambda: gallery.face(avatar))

    app.state.visits, app.state.limits = visits, limits
    return app


def _page_files() -> list[Path]:
    return [path for path in (Path(__file__).parent / "page").iterdir() if path.suffix in TYPES]


def _too_large(limits: Limits) -> Response:
    message = f"The recording is larger than {limits.max_upload_mb:g} MB. Send a shorter one, or compress it."
    return JSONResponse({"message": message}, status_code=413)
