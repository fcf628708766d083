"""A recording that stays when the run fails."""

from pathlib import Path

import av
import pytest

from src.realtime.sinks.mkv import MkvSink
from tests.realtime.sinks.frames import LAYOUT, frame


def test_a_failure_leaves_what_was_written(tmp_path: Path) -> None:
    sink = MkvSink(path=tmp_path / "talking.mkv", preset="ultrafast", crf=20, threads=1)
    with pytest.raises(RuntimeError, match="lost"), sink.open(LAYOUT) as output:
        for index in range(5):
            output.show(frame(index))
        raise RuntimeError("lost")
    with av.open(str(tmp_path / "talking.mkv")) as file:
        times_s = [picture.time for picture in file.decode(video=0)]
    assert times_s == pytest.approx([index / 25 for index in range(5)], abs=1e-3)
