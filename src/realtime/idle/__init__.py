"""What a face does by itself: blinks, breathing, a head that is never quite still, eyes that look around."""

from src.realtime.idle.blinks import Blinks
from src.realtime.idle.breathing import Breathing
from src.realtime.idle.face import Idle, IdleFace, NoIdle
from src.realtime.idle.gaze import Gaze
from src.realtime.idle.head import Head
from src.realtime.idle.speech import SpeechNow, SpeechTracker, loudness_db

__all__ = [
    "Blinks",
    "Breathing",
    "Gaze",
    "Head",
    "Idle",
    "IdleFace",
    "NoIdle",
    "SpeechNow",
    "SpeechTracker",
    "loudness_db",
]
