import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import scripts.make_avatar
import scripts.predict
import scripts.realtime
import scripts.render
from src.errors import ConfigError
from src.motion import CORE7, Motion
from src.render.avatar import Avatar
from tests.render.test_alpha_video import decoded
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


def motion_file(folder: Path) -> Path:
    values = np.zeros((5, CORE7.size), np.float32)
    values[:, CORE7.index("head_yaw")] = np.arange(5)
    Motion(values, CORE7).save(folder / "motion.npz")
    return folder / "motion.npz"


@pytest.mark.parametrize("name", ["cut.webm", "cut.mov", "pictures"])
def test_a_person_without_a_wall_becomes_a_video_with_transparency(inputs: Path, tmp_path: Path, name: str) -> None:
    given = (f"avatar='{inputs / 'avatar'}'", f"motion='{motion_file(tmp_path)}'", f"audio='{inputs / 'speech.wav'}'")
    out = tmp_path / name
    scripts.render.main(composed("render", *given, f"out='{out}'", "render.size=256", "render/backdrop=transparent"))
    if out.is_dir():
        assert sorted(path.name for path in out.iterdir()) == [*(f"frame_{i:06d}.png" for i in range(5)), "sound.wav"]
        alpha = cv2.imread(str(out / "frame_000004.png"), cv2.IMREAD_UNCHANGED)[..., 3]
    else:
        frames = [frame for _, frame in decoded(out)]
        assert len(frames) == 5
        alpha = frames[4][..., 3]
    assert alpha[:20, :20].max() <= 2
    assert alpha[128, 128] >= 253


@pytest.mark.parametrize(
    ("name", "backdrop", "said"),
    [
        ("a.mp4", "transparent", "MP4 holds no transparency. Give a name that ends in .webm or .mov"),
        ("a.webm", "own", "the renderer draws none. Set render/backdrop=transparent"),
        ("a.gif", "own", "not a format that is written"),
    ],
)
def test_a_name_that_does_not_fit_the_pictures_is_refused(
    inputs: Path, tmp_path: Path, name: str, backdrop: str, said: str
) -> None:
    given = (f"avatar='{inputs / 'avatar'}'", f"motion='{motion_file(tmp_path)}'", f"out='{tmp_path / name}'")
    with pytest.raises(ConfigError, match=said):
        scripts.render.main(composed("render", *given, "render.size=256", f"render/backdrop={backdrop}"))


def test_live_use_refuses_transparency(inputs: Path) -> None:
    given = (
        f"checkpoint='{inputs / 'best.ckpt'}'",
        f"avatar='{inputs / 'avatar'}'",
        f"source='{inputs / 'speech.wav'}'",
    )
    with pytest.raises(ConfigError, match="Set render/backdrop=colour for keying"):
        scripts.realtime.main(composed("realtime", *given, "render.size=256", "render/backdrop=transparent"))


@pytest.mark.slow
def test_the_builtin_portrait_becomes_a_package(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="the built-in portrait needs scikit-image")
    scripts.make_avatar.main(composed("make_avatar", "image=builtin", f"out='{tmp_path / 'avatar'}'"))
    avatar = Avatar.load(tmp_path / "avatar")
    assert (avatar.name, avatar.size) == ("astronaut", 512)
    assert json.loads((tmp_path / "avatar" / "avatar.json").read_text("utf-8"))["name"] == "astronaut"
