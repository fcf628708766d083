"""Faults by a written pattern, never by chance: what networks, machines and listeners do to a stream.

The same pattern gives the same fault in every run, in virtual time and in wall time. `Fault` is one file of
`conf/realtime/fault`: it wraps the source, the renderer and the sink of a run.
"""

from src.realtime.faults.arrivals import Arrivals, Bursts, ClockOff, Jitter, Late, Leaves, Missing, Pieces
from src.realtime.faults.fault import Fault
from src.realtime.faults.machine import SlowViewer, Stalls, ViewerLeaves, Viewing
from src.realtime.faults.speaker import SoundCard, SpeakerSink

__all__ = [
    "Arrivals",
    "Bursts",
    "ClockOff",
    "Fault",
    "Jitter",
    "Late",
    "Leaves",
    "Missing",
    "Pieces",
    "SlowViewer",
    "SoundCard",
    "SpeakerSink",
    "Stalls",
    "ViewerLeaves",
    "Viewing",
]
