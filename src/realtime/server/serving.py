"""The application on a port: what uvicorn is told, so that the limits hold before a message reaches us."""

import uvicorn
from fastapi import FastAPI

from src.realtime.server.limits import Limits

MOST_REQUESTS = 128
"""Connections at once beside those of sessions; further ones are answered with 503."""
GOODBYE_S = 2
"""Open sockets get so long to end when the server does."""


def make_server(application: FastAPI, limits: Limits, certificate: str | None, key: str | None) -> uvicorn.Server:
    """A server for sockets that are bound already.

    Args:
        application: of `create_app`.
        limits: of the same.
        certificate, key: PEM files for https, or None for both.
    """
    return uvicorn.Server(
        uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,  # addresses may hold the token
            server_header=False,
            proxy_headers=False,  # a header could name another client than the one that is limited
            ws="websockets-sansio",
            ws_max_size=limits.max_message_bytes,
            ws_per_message_deflate=False,  # media don't shrink
            limit_concurrency=MOST_REQUESTS + limits.max_sessions,
            timeout_graceful_shutdown=GOODBYE_S,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
