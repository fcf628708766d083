import json
from pathlib import Path

import av
import pytest

import scripts.make_avatar
import scripts.predict
import scripts.render
from src.render.avatar import Avatar
from tests.scripts.test_realtime import composed


def test_a_predicted_motion_becomes_a_video_with_its_sound(inputs: Path, tmp_path: Path) -> None:
    motion, out = tmp_path / "motion.npz", tmp_path / "video.mp4"
    checkpoint, audio = f"checkpoint='{inputs / 'best.ckpt'}'", f"audio='{inputs / 'speech.wav'}'"
    scripts.predict.main(composed("predict", checkpoint, audio, f"out='{motion}'"))
    avatar = f"avatar='{inputs / 'avatar'}'"
    scripts.render.main(composed("render", avatar, f"motion='{motion}'", audio, f"out='{out}'", "render.size=256"))
    with av.open(str(out)) as video:
        assert len(list(video.decode(video=0))) == 25
    with av.open(str(out)) as video:
        assert sum(frame.samples for frame in video.decode(audio=0)) == pytest.approx(16_000, abs=1024)


@pytest.mark.slow
def test_the_builtin_portrait_becomes_a_package(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="the built-in portrait needs scikit-image")
    scripts.make_avatar.main(composed("make_avatar", "image=builtin", f"out='{tmp_path / 'avatar'}'"))
    avatar = Avatar.load(tmp_path / "avatar")
    assert (avatar.name, avatar.size) == ("astronaut", 512)
    assert json.loads((tmp_path / "avatar" / "avatar.json").read_text("utf-8"))["name"] == "astronaut"
