"""What `avatar.json` may say, and that nothing else in a package folder gets further than a clear refusal."""

import hashlib
import io
import json
import tomllib
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.avatar_schema import ENGINE_VERSION, FILES, Details
from tests.render.portraits import drawn_avatar

CONSENT = {"who": "Ada", "purpose": "a demonstration", "until": "2027-01-31", "proof": "file 12", "licence": "CC0-1.0"}
DETAILS: dict[str, Any] = {
    "idle": {"blink": 0.0, "head": 2.0, "breathing": 1, "gaze": 0.5},
    "background_policy": {"kind": "coloured", "colour": [0, 255, 0]},
    "spec": "core7",
    "amplitude": {"jaw_open": 0.0, "head_yaw": 1.5},
    "renderers": {
        "mesh": {"moves_along": 0.5},
        "liveportrait": {"crop_scale": 2.3, "crop_shift": -0.125, "lip_threshold": 0.03, "stitching": True},
    },
    "language": "zh-CN",
    "voice": "low and calm",
    "creator": "somebody",
    "consent": CONSENT,
    "minimum_engine_version": "0.1.0",
}
BEFORE = date(2027, 1, 31)
FILES_OF_ONE = replace(drawn_avatar(), details=Details.of(DETAILS, "test")).files()
"""A package with every section."""


def load(files: dict[str, bytes], allow_expired: bool = False, today: date = BEFORE) -> Avatar:
    return Avatar.from_files(files, "one", allow_expired=allow_expired, today=today)


def described(**changes: object) -> dict[str, bytes]:
    content = json.loads(FILES_OF_ONE["avatar.json"]) | changes
    return FILES_OF_ONE | {"avatar.json": json.dumps(content).encode()}


def with_file(name: str, raw: bytes) -> dict[str, bytes]:
    """The package with another file, of the right hash."""
    hashes = json.loads(FILES_OF_ONE["avatar.json"])["sha256"]
    return described(sha256=hashes | {name: hashlib.sha256(raw).hexdigest()}) | {name: raw}


def test_what_people_decided_comes_back(tmp_path: Path) -> None:
    avatar = load(FILES_OF_ONE)
    assert avatar.details == Details.of(DETAILS, "test")
    avatar.save(tmp_path / "one")
    loaded = Avatar.load(tmp_path / "one", today=BEFORE)
    assert loaded.details.consent is not None
    assert loaded.details.consent.until == date(2027, 1, 31)
    assert loaded.files() == FILES_OF_ONE


def test_a_package_without_details_is_the_old_one() -> None:
    files = drawn_avatar().files()
    assert set(json.loads(files["avatar.json"])) == {
        "schema", "schema_version", "name", "size", "source_sha256", "crop", "sha256", "spec", *FILES,
    }  # fmt: skip
    assert load(files).details == Details()


def test_a_package_of_schema_2_is_read_and_written_as_3(tmp_path: Path) -> None:
    content = json.loads(FILES_OF_ONE["avatar.json"])
    content = {key: value for key, value in content.items() if key not in ("spec", "amplitude", "renderers")}
    old = FILES_OF_ONE | {"avatar.json": json.dumps(content | {"schema_version": 2}).encode()}
    for name, raw in old.items():
        (tmp_path / name).write_bytes(raw)
    avatar = Avatar.load(tmp_path, today=BEFORE)
    kept = {key: value for key, value in DETAILS.items() if key not in ("spec", "amplitude", "renderers")}
    assert avatar.details == Details.of(kept, "test")
    assert (avatar.details.spec, avatar.details.amplitude) == ("arkit55", None)
    assert json.loads(avatar.files()["avatar.json"])["schema_version"] == 3


def test_an_ended_consent_is_not_rendered_but_can_be_looked_at() -> None:
    after = date(2027, 2, 1)
    with pytest.raises(RenderError, match=r"consent of Ada ended on 2027-01-31, today is 2027-02-01\. Ask for a new"):
        load(FILES_OF_ONE, today=after)
    assert load(FILES_OF_ONE, allow_expired=True, today=after).name == "drawn"
    assert load(described(consent=CONSENT | {"until": None}), today=date(2999, 1, 1)).name == "drawn"


def test_the_engine_version_is_the_one_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    assert project["version"] == ENGINE_VERSION


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 255}, "size: Input should be a multiple of 2"),
        ({"size": "256"}, "size: Input should be a valid integer"),
        ({"size": 100_000}, "size: Input should be less than or equal to 4096"),
        ({"size": 128}, "source.png: not a picture of 128x128 pixels"),
        ({"name": ""}, "name: String should have at least 1"),
        ({"name": "a\nb"}, "name: expected one line without control"),
        ({"crop": [0, 0]}, "crop.2: Field required"),
        ({"crop": [0, 0, 0]}, "crop.2: Input should be greater"),
        ({"crop": [0, 0.5, 9]}, "crop.1: Input should be a valid integer"),
        ({"crop": [0, True, 9]}, "crop.1: Input should be a valid integer"),
        ({"source_sha256": "x"}, "source_sha256: String should match"),
        ({"landmarks": "/etc/passwd"}, "landmarks: Input should be 'landmarks.npy'"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"idle": {"blink": 2.1}}, "idle.blink: Input should be less than or equal to 2"),
        ({"idle": {"sneeze": 1.0}}, "idle.sneeze: Extra inputs"),
        ({"background_policy": {"kind": "picture"}}, "background_policy: its kind must be own, blurred or coloured"),
        ({"background_policy": {"colour": [0, 255, 0]}}, "background_policy: its kind is missing: own, blurred or"),
        ({"background_policy": {"kind": "coloured", "colour": [0, 256, 0]}}, "background_policy.colour.1: Input shou"),
        ({"background_policy": {"kind": "own", "colour": [0, 0, 0]}}, "background_policy.colour: Extra inputs are not"),
        ({"background_policy": {"kind": "blurred", "radius": 0}}, "radius: Input should be greater than 0"),
        ({"language": "Deutsch bitte"}, "language: expected a language as en or zh-CN"),
        ({"consent": CONSENT | {"until": 0}}, "consent.until: "),
        ({"consent": CONSENT | {"until": "1700000000"}}, "consent.until: expected a date as 2027-01-31"),
        ({"consent": CONSENT | {"until": "2027-02-30"}}, "consent.until: "),
        ({"consent": {"who": "Ada"}}, "consent.purpose: Field required"),
        ({"minimum_engine_version": "1"}, "minimum_engine_version: expected a version as 0.1.0"),
        ({"spec": "core8"}, "spec: Input should be 'core7' or 'arkit55'"),
        ({"amplitude": {"jaw_open": 2.5}}, "amplitude.jaw_open: Input should be less than or equal to 2"),
        ({"amplitude": {"jawOpen": 1.0}}, "amplitude.jawOpen: Extra inputs"),
        ({"renderers": {"opengl": {}}}, "renderers.opengl: Extra inputs"),
        ({"renderers": {"mesh": {"moves_along": -1}}}, "renderers.mesh.moves_along: Input should be greater"),
        ({"renderers": {"liveportrait": {"crop_scale": 0.5}}}, "renderers.liveportrait.crop_scale: Input should be"),
        ({"renderers": {"liveportrait": {"paste_back": 1}}}, "renderers.liveportrait.paste_back: Input should be a va"),
        ({"minimum_engine_version": "0.10.0"}, "needs version 0.10.0 of this program, this is 0.1.0. Update"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RenderError) as caught:
        load(described(**changes))
    assert message in str(caught.value)
    assert str(caught.value).startswith("one: ")


def test_what_no_package_can_hold_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="name: expected one line without control"):
        replace(drawn_avatar(), name="a\x00b").save(tmp_path / "one")
    with pytest.raises(RenderError, match="source_sha256"):
        replace(drawn_avatar(), source_sha256="none").save(tmp_path / "one")
    with pytest.raises(RenderError, match="JSON"):
        replace(drawn_avatar(), name="\udcff").save(tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


def png_of(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("source.png", b""),
        ("source.png", cv2.imencode(".jpg", np.zeros((256, 256, 3), np.uint8))[1].tobytes()),
        ("source.png", png_of(np.zeros((256, 256), np.uint8))),
        ("source.png", png_of(np.zeros((256, 256, 3), np.uint16))),
        ("source.png", png_of(np.zeros((256, 256, 4), np.uint8))),
        ("matte.png", png_of(np.zeros((256, 256, 3), np.uint8))),
        ("matte.png", png_of(np.zeros((256, 255), np.uint8))),
        ("source.png", FILES_OF_ONE["source.png"] + b"x"),
        ("source.png", FILES_OF_ONE["source.png"][:-12]),
        ("landmarks.npy", b""),
        ("landmarks.npy", FILES_OF_ONE["landmarks.npy"] + b"x"),
        ("landmarks.npy", FILES_OF_ONE["landmarks.npy"].replace(b"(478, 3)", b"(47811, 3)")),
    ],
)
def test_a_file_of_another_kind_is_refused_though_its_hash_is_right(name: str, raw: bytes) -> None:
    with pytest.raises(RenderError, match=f"one: {name}: not a"):
        load(with_file(name, raw))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_landmarks_outside_the_picture_are_refused(value: float) -> None:
    landmarks = drawn_avatar().landmarks.copy()
    landmarks[7, 1] = value
    opened = io.BytesIO()
    np.save(opened, landmarks)
    with pytest.raises(RenderError, match="landmarks far outside"):
        load(with_file("landmarks.npy", opened.getvalue()))


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """Bytes changed, cut out or repeated somewhere, at the beginning with preference."""
    data = bytearray(raw)
    for _ in range(draw(st.integers(1, 3))):
        reach = draw(st.sampled_from([min(64, len(data)), len(data)]))
        place = draw(st.integers(0, reach - 1)) if reach else 0
        match draw(st.sampled_from(["change", "cut", "insert", "truncate"])):
            case "change" if data:
                data[place] = draw(st.integers(0, 255))
            case "cut":
                del data[place : place + draw(st.integers(1, 16))]
            case "insert":
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "truncate":
                del data[place:]
    return bytes(data)


def loads_or_refuses(files: dict[str, bytes]) -> None:
    """Nothing but a clear refusal may come out, or a whole avatar."""
    with suppress(RenderError):
        avatar = load(files)
        assert avatar.matte.shape == (avatar.size, avatar.size)


@settings(max_examples=300)
@given(damaged(FILES_OF_ONE["avatar.json"]))
def test_no_damage_of_the_description_crashes(raw: bytes) -> None:
    loads_or_refuses(FILES_OF_ONE | {"avatar.json": raw})


KEYS = sorted(json.loads(FILES_OF_ONE["avatar.json"]))
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.sampled_from(KEYS), ANY)
def test_no_value_of_the_description_crashes(key: str, value: object) -> None:
    loads_or_refuses(described(**{key: value}))


@settings(max_examples=100)
@given(st.sampled_from(["source.png", "matte.png", "landmarks.npy"]).flatmap(
    lambda name: st.tuples(st.just(name), damaged(FILES_OF_ONE[name]))
))  # fmt: skip
def test_no_damage_of_a_file_crashes_though_its_hash_is_right(case: tuple[str, bytes]) -> None:
    loads_or_refuses(with_file(*case))


def test_deeply_nested_json_is_refused() -> None:
    raw = b"[" * 50_000 + b"]" * 50_000
    with pytest.raises(RenderError, match="not readable JSON"):
        load(FILES_OF_ONE | {"avatar.json": raw})
