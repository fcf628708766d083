"""When things happen in a session: every time that can be set."""

from dataclasses import dataclass

from src.errors import ConfigError
from src.realtime.settling import SettlingTimes


@dataclass(frozen=True)
class Timing:
    """When things happen, in milliseconds.

    Attributes:
        playout_delay_ms: picture and sound are presented this long after they were spoken.
        preparation_ms: a picture is drawn at the latest this long before it is presented, with what there is by then.
        lead_ms: a picture whose motion is there is drawn up to this long before it is presented.
        max_ahead_ms: bound of the sound that waits; `push_audio` refuses more.
        hold_ms: without motion or sound the last face is held so long.
        starve_ms: the mouth closes in this time after that.
        rest_ms: the mouth closes in this time after a segment.
        begin_ms: the mouth is led into speech in this time.
        head_ms: the head, which must not jerk, is led in this time, always.
        abandon_ms: a segment that gives no sound for so long is over.
        late_ms: speech that waits so much longer than it need is set right in pauses.
    """

    playout_delay_ms: float
    preparation_ms: float
    lead_ms: float
    max_ahead_ms: float
    hold_ms: float
    starve_ms: float
    rest_ms: float
    begin_ms: float
    head_ms: float
    abandon_ms: float
    late_ms: float

    def settling(self, fps: float) -> SettlingTimes:
        """The ways of the face in frames."""
        names = ("hold", "starve", "rest", "begin", "head")
        return SettlingTimes(**{name: round(getattr(self, f"{name}_ms") * fps / 1000.0) for name in names})

    def check(self, latency_ms: float) -> None:
        """See that the times suit each other and a model.

        Args:
            latency_ms: sound that the model needs after a frame's time.

        Raises:
            ConfigError: the playout delay leaves no time for the look-ahead, or the times contradict each other.
        """
        least_ms = latency_ms + self.preparation_ms
        if self.playout_delay_ms < least_ms:
            raise ConfigError(
                f"playout_delay_ms={self.playout_delay_ms:g} is too short: the model needs {latency_ms:g} ms of "
                f"sound after a frame and {self.preparation_ms:g} ms are kept for drawing. Set it to {least_ms:g} or "
                "more, or use a checkpoint with a shorter look-ahead."
            )
        if not 0 <= self.preparation_ms <= self.lead_ms or min(vars(self).values()) < 0:
            raise ConfigError(
                f"preparation_ms={self.preparation_ms:g} and lead_ms={self.lead_ms:g}: a picture can't be drawn later "
                "at the latest than at the earliest, and no time is below 0. Set lead_ms to preparation_ms or more."
            )
