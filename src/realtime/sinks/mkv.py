"""An MKV file of the stream, for long recordings."""

from src.realtime.sinks.mp4 import Mp4Sink
from src.render.mkv import MkvWriter
from src.render.mp4 import Mp4Writer


class MkvSink(Mp4Sink):
    """As `Mp4Sink`, but it can be played as far as it got, even when the process is killed."""

    _writer: type[Mp4Writer] = MkvWriter
