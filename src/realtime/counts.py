"""What did not go as it should, counted."""

from dataclasses import dataclass

from src.realtime.drift import DriftFigures


@dataclass(frozen=True)
class Counts:
    """Slots of a session's timeline and what was shown in them.

    Attributes:
        frames: pictures that were drawn.
        dropped: slots that were never drawn because their time had passed; their sound is in the frame after them.
        held: slots of speech with the motion before theirs, which was not there.
        fillers: slots without speech: pauses between segments, waiting for late sound, stretched pauses.
        starved: fillers in the middle of a segment, because sound or motion was late.
        stretched: fillers added to a pause, for a source whose clock runs slow.
        skipped: frames of silence left out in a pause, for a source that is late or whose clock runs fast.
        underruns: times that the sound ran out in the middle of a segment.
        cleared: interruptions.
        drift: of the sound that is heard against the pictures.
    """

    frames: int
    dropped: int
    held: int
    fillers: int
    starved: int
    stretched: int
    skipped: int
    underruns: int
    cleared: int
    drift: DriftFigures
