"""What a run takes from the package of its avatar, and that the command line wins over it."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hydra.utils import instantiate

import scripts.render
from scripts.avatar_settings import amplitude_of, idle_of, log_taken, motion_for, spec_for
from src.errors import ConfigError, RenderError
from src.motion import ARKIT55, CORE7, Motion
from src.realtime.idle import NoIdle
from src.render.avatar_schema import Details
from tests.realtime.test_predictor import tiny
from tests.render.portraits import drawn_avatar
from tests.scripts.conftest import save_checkpoint
from tests.scripts.test_realtime import composed, realtime

BLUE = {"kind": "coloured", "colour": [0, 0, 255]}
STILL = {"blink": 0, "head": 0, "breathing": 0, "gaze": 0}


def saved(folder: Path, **settings: Any) -> Path:
    """The drawn face as a package with these settings."""
    replace(drawn_avatar(), details=Details.of(settings, "test")).save(folder)
    return folder


def held(path: Path, **channels: float) -> Path:
    """A motion file: ten frames of one face."""
    values = np.tile(CORE7.neutral, (10, 1))
    for name, value in channels.items():
        values[:, CORE7.index(name)] = value
    Motion(values, CORE7).save(path)
    return path


def pictures(video: Path) -> np.ndarray:
    with av.open(str(video)) as opened:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]).astype(np.int16)


def rendered(tmp_path: Path, avatar: Path, *overrides: str) -> np.ndarray:
    """(T, H, W, 3) pictures of `scripts.render`: a mouth wide open."""
    out, motion = tmp_path / "video.mp4", held(tmp_path / "motion.npz", jaw_open=0.4, mouth_wide=0.15)
    given = [f"avatar='{avatar}'", f"motion='{motion}'", f"out='{out}'", "render.size=256", *overrides]
    scripts.render.main(composed("render", *given))
    return pictures(out)


MOUTH, WALL = (slice(None), slice(150, 190), slice(100, 156)), (slice(None), slice(2, 20), slice(2, 40))


def test_an_avatar_without_jaw_keeps_its_mouth_shut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plain = saved(tmp_path / "plain")
    still = rendered(tmp_path, plain, "amplitude.jaw_open=0")[MOUTH]
    with caplog.at_level(logging.INFO):
        shut = rendered(tmp_path, saved(tmp_path / "shut", amplitude={"jaw_open": 0}))[MOUTH]
    assert "from the avatar's package: amplitude jaw_open 0" in caplog.text
    np.testing.assert_array_equal(shut, still)
    opened = rendered(tmp_path, plain)[MOUTH]
    assert np.abs(opened - still).max() > 60
    asked = rendered(tmp_path, tmp_path / "shut", "amplitude.jaw_open=1")[MOUTH]
    np.testing.assert_array_equal(asked, opened)


def test_an_avatar_with_a_blue_wall_is_shown_before_blue(tmp_path: Path) -> None:
    blue = saved(tmp_path / "blue", background_policy=BLUE)
    assert np.abs(rendered(tmp_path, blue)[WALL] - (0, 0, 255)).max() < 16  # what H.264 makes of it
    own = rendered(tmp_path, blue, "render/backdrop=own")
    np.testing.assert_array_equal(own, rendered(tmp_path, saved(tmp_path / "plain")))
    green = rendered(tmp_path, blue, "render/backdrop=colour")[WALL]
    assert np.abs(green - (0, 255, 0)).max() < 16


def test_an_avatar_with_a_blurred_wall_is_shown_before_it(tmp_path: Path) -> None:
    blurred = saved(tmp_path / "blurred", background_policy={"kind": "blurred", "radius": 0.02})
    given = rendered(tmp_path, saved(tmp_path / "plain"), "render/backdrop=blur")
    np.testing.assert_array_equal(rendered(tmp_path, blurred), given)


def test_a_face_that_moves_nothing_along_raises_no_cheeks(tmp_path: Path) -> None:
    plain, bare = (saved(tmp_path / name, renderers={"mesh": {"moves_along": gain}})
                   for name, gain in (("plain", 1.0), ("bare", 0.0)))  # fmt: skip
    moved, still = rendered(tmp_path, plain), rendered(tmp_path, bare)
    assert np.abs(moved - still).max() > 15
    np.testing.assert_array_equal(rendered(tmp_path, bare, "render.moves_along=1"), moved)
    with pytest.raises(Exception, match=r"moves_along=3.*expected a factor") as raised:
        rendered(tmp_path, bare, "render.moves_along=3")
    assert isinstance(raised.value.__cause__, RenderError)


def test_an_avatar_without_idle_gains_is_still_in_live_use(inputs: Path, tmp_path: Path) -> None:
    calm, decided = saved(tmp_path / "calm", idle=STILL), {}

    def shown(name: str, *overrides: str) -> np.ndarray:
        # A seed that blinks in the first second.
        report = realtime(inputs, tmp_path / name, f"avatar='{calm}'", "clock=virtual", "seed=23", *overrides)
        decided[name] = report["inputs"]["avatar"]["decided"]
        return pictures(tmp_path / name / "talking.mp4")

    still = shown("still", "realtime/idle=still")
    np.testing.assert_array_equal(shown("calm"), still)
    lids = (slice(None), slice(98, 122), slice(88, 168))
    assert decided == {"still": [], "calm": ["idle blink 0", "idle head 0", "idle breathing 0", "idle gaze 0"]}
    assert np.abs(shown("asked", "idle.gains.blink=1")[lids] - still[lids]).max() > 15


def test_gains_and_amplitude_of_the_command_line_win_one_by_one() -> None:
    details = Details.of({"idle": {"blink": 0, "head": 2}, "amplitude": {"jaw_open": 0, "head_yaw": 0.5}}, "test")
    config = composed("realtime", "source=a", "idle.gains.head=1", "amplitude.head_yaw=2", "amplitude.eye_blink=0")
    idle = idle_of(config, details)
    assert idle._gains == {"blink": 0, "head": 1, "breathing": 1, "gaze": 1}
    np.testing.assert_array_equal(amplitude_of(config, details), [0, 1, 1, 2, 1, 1, 0])
    assert isinstance(idle_of(composed("realtime", "source=a", "realtime/idle=still"), details), NoIdle)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("amplitude.jaw_open=3", r"amplitude.jaw_open=3.0: expected a factor from 0 \(none\) to 2 \(twice\), or null"),
        ("idle.gains.head=-1", "idle.gains.head=-1: expected a factor"),
        ("idle.gains.head=nan", "idle.gains.head=nan: expected a factor"),
        ("idle.gains.head=much", "idle.gains.head=much: expected a factor"),
    ],
)
def test_a_factor_out_of_range_is_named(override: str, message: str) -> None:
    config = composed("realtime", "source=a", override)
    with pytest.raises(ConfigError, match=message):
        amplitude_of(config, Details())
        idle_of(config, Details())


def test_motion_is_brought_down_only_for_an_avatar_of_core7() -> None:
    motion = Motion(np.zeros((3, ARKIT55.size), np.float32), ARKIT55)
    assert motion_for(Details(), motion) is motion
    assert motion_for(Details(spec="core7"), motion).spec is CORE7
    assert (spec_for(Details()), spec_for(Details(spec="core7"))) == (None, CORE7)


def test_one_line_says_what_the_package_decided_and_nothing_of_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    settings = {"idle": {"blink": 0.5}, "amplitude": {"jaw_open": 0, "head_yaw": 0.5}, "background_policy": BLUE,
                "renderers": {"mesh": {"moves_along": 0}}, "spec": "core7"}  # fmt: skip
    details = Details.of(settings, "test")
    with caplog.at_level(logging.INFO):
        log_taken(composed("realtime", "source=a", "amplitude.head_yaw=2"), details)
    assert [record.getMessage() for record in caplog.records] == [
        "from the avatar's package: motion core7, amplitude jaw_open 0, idle blink 0.5, background coloured "
        "[0, 0, 255], moves_along 0"
    ]
    caplog.clear()
    with caplog.at_level(logging.INFO):
        log_taken(composed("render", "avatar=a", "motion=b", "out=c"), Details())
    assert caplog.records == []


def test_the_portrait_of_a_training_run_asks_its_avatar_too() -> None:
    renderer = instantiate(composed("train", "data.store=a", "out=b", "probe=default").probe.renderer)
    blue = replace(drawn_avatar(), details=Details.of({"background_policy": BLUE}, "test"))
    picture = renderer.render(renderer.prepare(blue), CORE7.neutral)
    assert (picture[:20, :40] == (0, 0, 255)).all()


def test_a_model_of_blendshapes_speaks_in_full_or_in_core7_as_the_avatar_was_made(inputs: Path, tmp_path: Path) -> None:
    checkpoint = save_checkpoint(tiny(spec=ARKIT55), tmp_path / "rich.ckpt")
    shown = {}
    for spec in ("arkit55", "core7"):
        avatar = saved(tmp_path / spec, spec=spec)
        given = [f"checkpoint='{checkpoint}'", f"avatar='{avatar}'", "clock=virtual", "realtime/idle=still"]
        realtime(inputs, tmp_path / f"live_{spec}", *given)
        shown[spec] = pictures(tmp_path / f"live_{spec}" / "talking.mp4")
    assert len(shown["core7"]) == len(shown["arkit55"]) == 25
    assert np.abs(shown["core7"] - shown["arkit55"]).max() > 30
