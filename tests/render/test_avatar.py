"""The avatar package and how a portrait becomes one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.errors import RenderError
from src.face import FACE_SIZE_POINTS
from src.render.avatar import Avatar, create_avatar
from tests.render.portraits import SIDE, drawn_avatar, drawn_landmarks


def test_a_saved_avatar_loads_the_same(tmp_path: Path) -> None:
    avatar = drawn_avatar()
    avatar.save(tmp_path / "one")
    loaded = Avatar.load(tmp_path / "one")
    assert np.array_equal(loaded.image, avatar.image)
    assert np.array_equal(loaded.landmarks, avatar.landmarks)
    assert np.array_equal(loaded.matte, avatar.matte)
    assert np.array_equal(loaded.background, avatar.background)
    assert loaded.crop == avatar.crop
    assert (loaded.name, loaded.source_sha256) == (avatar.name, avatar.source_sha256)


def test_saving_again_replaces_the_package_and_leaves_nothing_else(tmp_path: Path) -> None:
    drawn_avatar().save(tmp_path / "one")
    drawn_avatar(10.0).save(tmp_path / "one")
    assert np.array_equal(Avatar.load(tmp_path / "one").landmarks, drawn_landmarks(10.0))
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("file", ["source.png", "matte.png", "background.png", "landmarks.npy"])
def test_a_changed_file_is_refused(tmp_path: Path, file: str) -> None:
    drawn_avatar().save(tmp_path / "one")
    path = tmp_path / "one" / file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RenderError, match=rf"{file} is not the file that the package was made with"):
        Avatar.load(tmp_path / "one")


@pytest.mark.parametrize("file", ["source.png", "matte.png", "background.png", "landmarks.npy"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    drawn_avatar().save(tmp_path / "one")
    (tmp_path / "one" / file).unlink()
    with pytest.raises(RenderError, match=rf"the avatar package lacks {file}"):
        Avatar.load(tmp_path / "one")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other"}, "not the description of an avatar package"),
        ({"schema_version": 99}, "package schema 99, this program reads 2 and 3: a newer program made it. Update"),
        ({"schema_version": 1}, "made before avatars had a matte .*make_avatar"),
        ({"sha256": {}}, "sha256: expected one hash for each of source.png"),
    ],
)
def test_another_description_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    drawn_avatar().save(tmp_path / "one")
    path = tmp_path / "one" / "avatar.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RenderError, match=message):
        Avatar.load(tmp_path / "one")


def test_a_package_cannot_point_outside_itself(tmp_path: Path) -> None:
    drawn_avatar().save(tmp_path / "one")
    path = tmp_path / "one" / "avatar.json"
    content = json.loads(path.read_text())
    content["picture"] = "../secret.png"
    content["sha256"]["../secret.png"] = "0" * 64
    path.write_text(json.dumps(content))
    with pytest.raises(RenderError, match="picture: Input should be .source.png"):
        Avatar.load(tmp_path / "one")


def test_a_folder_that_is_no_package_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"no avatar package \(avatar.json is missing\)"):
        Avatar.load(tmp_path)


def test_a_folder_of_other_things_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RenderError, match="holds something else than an avatar"):
        drawn_avatar().save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def whole(image: np.ndarray) -> np.ndarray:
    """A segmentation that sees nothing but person."""
    return np.full(image.shape[:2], 255, np.uint8)


def picture(side: int = 400) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)


@pytest.mark.parametrize(("left", "top", "scale"), [(70, 70, 1.0), (140, 120, 1.0), (20, 10, 0.6), (300, 310, 1.4)])
def test_landmarks_stay_on_their_pixels_through_the_crop(left: int, top: int, scale: float) -> None:
    image = np.full((900, 900, 3), 40, np.uint8)
    landmarks = drawn_landmarks() * scale + np.array([left, top, 0], np.float32)
    marked = landmarks[list(FACE_SIZE_POINTS), :2]
    for x, y in marked:
        image[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] = 255
    avatar = create_avatar(image, [landmarks], whole, 256, "marked")
    for x, y in avatar.landmarks[list(FACE_SIZE_POINTS), :2]:
        assert avatar.image[round(float(y)), round(float(x))].min() > 200


def test_the_whole_face_is_in_the_crop() -> None:
    landmarks = drawn_landmarks() * 0.5
    avatar = create_avatar(picture(130), [landmarks], whole, 128, "small")
    assert avatar.size == 128
    assert avatar.landmarks[:, :2].min() > 0
    assert avatar.landmarks[:, :2].max() < 128


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        ([], "no face was found"),
        ([drawn_landmarks(), drawn_landmarks()], "2 faces were found in the picture, expected one"),
        ([drawn_landmarks() * 0.2], r"the face is too small, \d+ pixels"),
        ([drawn_landmarks() - np.array([120, 0, 0], np.float32)], "cut off by the border"),
        ([drawn_landmarks() @ np.array([[0.6, 0, -0.8], [0, 1, 0], [0.8, 0, 0.6]], np.float32)], "turned|cut off"),
    ],
)
def test_a_portrait_that_cannot_be_used_is_refused_with_its_reason(faces: list[np.ndarray], message: str) -> None:
    with pytest.raises(RenderError, match=message):
        create_avatar(picture(), [face.astype(np.float32) for face in faces], whole, 256, "photo")


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(RenderError, match=f"size {SIDE - 1}: expected an even number of pixels from 2 to 4096"):
        create_avatar(picture(), [drawn_landmarks()], whole, SIDE - 1, "odd")
    with pytest.raises(RenderError, match="with an even H"):
        replace(drawn_avatar(), image=drawn_avatar().image[:-1, :-1])


@pytest.mark.parametrize("size", [0, -2, 4098, 100_000])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(RenderError, match=f"size {size}: expected an even number"):
        create_avatar(picture(), [drawn_landmarks()], whole, size, "odd")
