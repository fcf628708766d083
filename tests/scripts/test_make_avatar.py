"""`scripts.make_avatar`: every setting of the package has a key, and what is wrong is said before any work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

import scripts.make_avatar
from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.avatar_schema import Details
from src.render.avatar_settings import BlurredBackground, ColouredBackground
from src.render.portrait import load_portrait
from tests.scripts.test_realtime import composed


def details(*overrides: str) -> Details:
    return scripts.make_avatar.details_of(composed("make_avatar", "image=builtin", "out=there", *overrides))


SETTINGS = {
    "motion_spec": "core7",
    "voice": "low and calm",
    "minimum_engine_version": "0.1.0",
    "amplitude.jaw_open": 0.0,
    "amplitude.head_yaw": 1.5,
    "idle.blink": 0.5,
    "background_policy.kind": "coloured",
    "background_policy.colour": [0, 0, 255],
    "renderers.mesh.moves_along": 0.25,
    "renderers.liveportrait.crop_scale": 2.5,
    "renderers.liveportrait.crop_shift": -0.1,
    "renderers.liveportrait.crop_upright": False,
    "renderers.liveportrait.lip_threshold": 0.05,
    "renderers.liveportrait.motion": 0.9,
    "renderers.liveportrait.eyes": 0.8,
    "renderers.liveportrait.lips": 1.2,
    "renderers.liveportrait.stitching": False,
    "renderers.liveportrait.paste_back": True,
}


def test_what_is_said_of_the_settings_is_in_the_package() -> None:
    said = details(*(f"{key}={value}" for key, value in SETTINGS.items()))
    for key, value in SETTINGS.items():
        found: Any = said
        for part in key.replace("motion_spec", "spec").split("."):
            found = getattr(found, part)
        assert found == (tuple(value) if isinstance(value, list) else value)


def test_a_blurred_wall_is_said() -> None:
    assert details("background_policy.kind=blurred", "background_policy.radius=0.03").background_policy == (
        BlurredBackground(radius=0.03)
    )
    assert details("background_policy.kind=coloured", "background_policy.colour=[1,2,3]").background_policy == (
        ColouredBackground(colour=(1, 2, 3))
    )


def keys_of(model: type[BaseModel], section: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        models = [part for part in (field.annotation, *getattr(field.annotation, "__args__", ()))
                  if isinstance(part, type) and issubclass(part, BaseModel)]  # fmt: skip
        for inner in models:
            yield from keys_of(inner, f"{section}{name}.")
        if not models:
            yield section + name


def test_every_setting_of_the_package_has_a_key() -> None:
    config = composed("make_avatar", "image=builtin", "out=there")
    for key in keys_of(Details):
        if key != "background_policy":  # a choice of several, tested above
            node: Any = config
            for part in key.split(".") if key != "spec" else ["motion_spec"]:
                assert part in node, key
                node = node[part]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["idle.blink=3"], "idle.blink: Input should be less than or equal to 2"),
        (["amplitude.jaw_open=-1"], "amplitude.jaw_open: Input should be greater than or equal to 0"),
        (["background_policy.kind=blue"], "background_policy: its kind must be own, blurred or coloured"),
        (["background_policy.colour=[0,0,255]"], "background_policy: its kind is missing: own, blurred or coloured"),
        (["background_policy.kind=coloured"], "background_policy.colour: Field required"),
        (["background_policy.kind=own", "background_policy.radius=0.1"], "background_policy.radius: Extra inputs"),
        (["motion_spec=core8"], "spec: Input should be 'core7' or 'arkit55'"),
        (["minimum_engine_version=1"], "minimum_engine_version: expected a version as 0.1.0"),
        (["renderers.liveportrait.crop_scale=9"], "renderers.liveportrait.crop_scale: Input should be less"),
        (["renderers.mesh.moves_along=nan"], "renderers.mesh.moves_along: Input should be a finite number"),
    ],
)
def test_a_wrong_setting_is_named(overrides: list[str], message: str) -> None:
    with pytest.raises(RenderError) as raised:
        details(*overrides)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["size=33"], "size 33: expected an even number of pixels from 2 to 4096"),
        (["minimum_engine_version=99.0.0"], "needs version 99.0.0 of this program"),
        (
            ["consent.who=Ada", "consent.purpose=x", "consent.licence=y", "consent.until=2020-01-01"],
            "the consent of Ada ended on 2020-01-01",
        ),
    ],
)
def test_what_could_never_be_rendered_is_refused_before_any_work(overrides: list[str], message: str) -> None:
    with pytest.raises(RenderError, match=message):
        scripts.make_avatar.main(composed("make_avatar", "image=none.jpg", "out=there", *overrides))


def test_an_avatar_is_packed_at_once_and_its_picture_kept(tmp_path: Path) -> None:
    picture, packed = tmp_path / "picture.png", tmp_path / "me.avatar"
    places = [f"out='{packed}'", f"picture='{picture}'"]
    scripts.make_avatar.main(composed("make_avatar", "image=builtin", "size=128", *places))
    assert Avatar.load(packed).name == "astronaut"
    np.testing.assert_array_equal(load_portrait(picture), scripts.make_avatar.builtin_portrait())
    assert {path.name for path in tmp_path.iterdir()} == {"picture.png", "me.avatar"}
