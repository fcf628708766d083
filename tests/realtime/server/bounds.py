"""Limits for tests: small, and changed one by one."""

from typing import Any

from src.realtime.server.limits import Limits

_VALUES: dict[str, Any] = {
    "max_sessions": 2,
    "max_sessions_per_client": 2,
    "max_loaded_avatars": 1,
    "max_upload_mb": 1.0,
    "max_recording_s": 60.0,
    "max_waiting": 2,
    "max_text_chars": 200,
    "max_message_kb": 64.0,
    "max_messages_per_s": 200.0,
    "max_requests_per_min": 6000.0,
    "max_session_s": 600.0,
    "idle_timeout_s": 300.0,
}


def limits(**changed: float) -> Limits:
    return Limits(**(_VALUES | changed))
