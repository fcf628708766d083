from pathlib import Path

import numpy as np
import pytest

from src.data.checks import check_audible, check_offset, level_db, nothing_left
from src.data.rejection import MediaError, Reason
from src.data.segments import Cut, FrameFacts, StretchRules
from src.data.sync import AvOffset

PATH = Path("a.mp4")
RULES = StretchRules(min_seconds=0.8, max_seconds=None, min_face_px=100.0, max_yaw_deg=45.0, max_turned_s=0.4)
FACTS = FrameFacts(
    shown=np.ones(100, bool),
    present=np.arange(100) < 80,
    new_shot=np.arange(100) == 50,
    rival=np.arange(100) < 20,
    face_px=np.full(100, 57.0),
    yaw_deg=np.where(np.arange(100) < 40, 60.0, 0.0),
)

SENTENCES = {
    Reason.NO_FACE: "a face is seen in 80% of the pictures, and no stretch of 0.8 s is left",
    Reason.NO_VIDEO: "with a picture to the sound",
    Reason.SMALL_FACE: "57 pixels high, at least 100",
    Reason.TURNED_AWAY: "more than 45 degrees from the camera in 50% of the pictures",
    Reason.SEVERAL_FACES: "in 25% of the video",
    Reason.SHOT_CHANGE: "the shot changes 1 times",
    Reason.TOO_SHORT: "lower prepare.settings.min_seconds",
    Reason.SILENT: "silent wherever the face is seen",
    Reason.NO_SPEECH: "nobody speaks while the face is seen",
    Reason.LOW_FRAME_RATE: "more motion would be guessed than seen",
}


@pytest.mark.parametrize("reason", SENTENCES)
def test_a_source_is_refused_for_what_most_of_it_was_cut_for(reason: Reason) -> None:
    other = Reason.NO_FACE if reason != Reason.NO_FACE else Reason.SILENT
    error = nothing_left(PATH, FACTS, [Cut(0, 20, other), Cut(20, 90, reason), Cut(90, 100, other)], RULES)
    if reason == Reason.NO_VIDEO:  # the other reason says more
        assert error.reason == other
        error = nothing_left(PATH, FACTS, [Cut(0, 100, reason)], RULES)
    assert error.reason == reason
    assert SENTENCES[reason] in error.sentence


def test_levels_are_those_of_full_scale() -> None:
    assert level_db(np.ones(100, np.float32)) == pytest.approx(0, abs=1e-4)
    assert level_db(np.full(100, 0.01, np.float32)) == pytest.approx(-40, abs=1e-4)
    assert level_db(np.zeros(100, np.float32)) == pytest.approx(-120)
    check_audible(PATH, np.full(100, 0.01, np.float32), -60.0)
    with pytest.raises(MediaError, match="silent \\(-80 dB"):
        check_audible(PATH, np.full(100, 1e-4, np.float32), -60.0)


@pytest.mark.parametrize(("offset_ms", "words"), [(180.0, "the sound comes 180 ms"), (-180.0, "the picture comes 180")])
def test_only_sure_and_large_offsets_are_refused(offset_ms: float, words: str) -> None:
    lags = np.zeros(1)
    with pytest.raises(MediaError, match=words):
        check_offset(PATH, AvOffset(offset_ms, 0.95, lags, lags, 100), 150.0)
    check_offset(PATH, AvOffset(offset_ms, 0.5, lags, lags, 100), 150.0)
    check_offset(PATH, AvOffset(offset_ms, 0.95, lags, lags, 100), 200.0)
    check_offset(PATH, AvOffset(offset_ms, 0.95, lags, lags, 100), None)
