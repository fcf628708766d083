"""Why a video, or a stretch of one, can't become a clip: a short code for programs and a sentence for people."""

from enum import StrEnum

from src.errors import DataError


class Reason(StrEnum):
    """Machine-readable codes; reports write them before the sentence (`no_audio: ...`), and beside cut stretches."""

    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    NO_AUDIO = "no_audio"
    NO_VIDEO = "no_video"
    SILENT = "silent"
    TOO_SHORT = "too_short"
    LOW_FRAME_RATE = "low_frame_rate"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    SHOT_CHANGE = "shot_change"
    SMALL_FACE = "small_face"
    TURNED_AWAY = "turned_away"
    NO_SPEECH = "no_speech"
    OFFSET = "offset"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    FAILED = "failed"


class MediaError(DataError):
    """A media file which can't be used, with the reason as a code.

    Attributes:
        reason: the code.
        sentence: what was wrong and what to do, without the path.
    """

    def __init__(self, path: object, reason: Reason, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}")
        self.reason = reason
        self.sentence = sentence
