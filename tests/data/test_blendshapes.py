import sys
from pathlib import Path

import numpy as np
import pytest

from src.data.blendshapes import FaceBlendshapes
from src.data.landmarks import FaceLandmarker, native_silence
from src.errors import DataError
from src.face import NUM_LANDMARKS
from src.motion import BLENDSHAPES, CORE7
from src.render.mesh import MeshRenderer

SIZE = 384


@pytest.fixture(scope="module")
def model(shared: Path) -> Path:
    path = shared / "models" / "face_landmarker.task"
    if not path.is_file():
        pytest.skip(f"{path} is missing: fetch it with `python -m scripts.download_models`")
    return path


@pytest.fixture(scope="module")
def blendshapes(model: Path) -> FaceBlendshapes:
    return FaceBlendshapes(model=model)


@pytest.fixture(scope="module")
def pictures(portrait: np.ndarray) -> list[np.ndarray]:
    """The astronaut as photographed, and rendered while talking, blinking and turning."""
    from scripts.make_avatar import builtin_avatar

    renderer = MeshRenderer(size=SIZE, grid_step=8, iterations=4)
    state = renderer.prepare(builtin_avatar(SIZE))
    frames = np.zeros((5, CORE7.size))
    frames[1, 0], frames[2, 6], frames[3, 2], frames[4, 3] = 0.2, 1.0, 0.06, 10.0
    return [portrait, *(renderer.render(state, frame) for frame in frames)]


def test_scores_equal_those_of_mediapipe(model: Path, blendshapes: FaceBlendshapes, pictures: list[np.ndarray]) -> None:
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)), output_face_blendshapes=True
    )
    with native_silence(), vision.FaceLandmarker.create_from_options(options) as official:
        found = [official.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, picture)) for picture in pictures]
    wanted = np.array([[category.score for category in result.face_blendshapes[0]] for result in found])
    assert [category.category_name for category in found[0].face_blendshapes[0]] == list(BLENDSHAPES)

    sizes = [(picture.shape[1], picture.shape[0], picture.shape[1]) for picture in pictures]
    theirs = np.array(
        [
            np.array([(point.x, point.y, point.z) for point in result.face_landmarks[0]]) * size
            for result, size in zip(found, sizes, strict=True)
        ],
        np.float32,
    )
    everywhere = np.ones(len(pictures), bool)
    np.testing.assert_allclose(blendshapes.score(theirs, everywhere), wanted, atol=1e-4)

    # Other landmarks, from FaceMesh, give similar scores.
    with FaceLandmarker(max_faces=1, static=True) as landmarker:
        ours = np.array([landmarker.detect(picture)[0] for picture in pictures])
    difference = np.abs(blendshapes.score(ours, everywhere) - wanted)
    assert difference.mean() < 0.06


def test_faces_that_talk_and_blink_score_so(blendshapes: FaceBlendshapes, pictures: list[np.ndarray]) -> None:
    with FaceLandmarker(max_faces=1, static=True) as landmarker:
        landmarks = np.array([landmarker.detect(picture)[0] for picture in pictures[1:]])
    scores = blendshapes.score(landmarks, np.ones(len(landmarks), bool))
    jaw, blink = scores[:, BLENDSHAPES.index("jawOpen")], scores[:, BLENDSHAPES.index("eyeBlinkLeft")]
    assert jaw.argmax() == 1
    assert blink.argmax() == 2
    assert blink[2] > blink[0] + 0.2


def test_scores_do_not_depend_on_place_size_or_order(blendshapes: FaceBlendshapes, face: np.ndarray) -> None:
    shift = np.array([200, -50, 9])
    moved = np.stack([face, face * 3, face + shift, face]).astype(np.float32)
    scores = blendshapes.score(moved, np.array([True, True, True, False]))
    np.testing.assert_allclose(scores[1:3], scores[:1].repeat(2, axis=0), atol=1e-4)
    np.testing.assert_array_equal(scores[3], 0)
    np.testing.assert_array_equal(blendshapes.score(moved, np.array([True, True, True, False])), scores)


def test_arrays_that_disagree_are_refused(blendshapes: FaceBlendshapes) -> None:
    with pytest.raises(DataError, match=r"landmarks have shape \(3, 478, 3\), expected \(2, 478, 3\)"):
        blendshapes.score(np.zeros((3, NUM_LANDMARKS, 3), np.float32), np.ones(2, bool))


def test_a_missing_model_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such model file.*scripts\.download_models"):
        FaceBlendshapes(model=tmp_path / "face_landmarker.task")


def test_another_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    (tmp_path / "face_landmarker.task").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"SHA-256 [0-9a-f]{64} is not that of.*scripts\.download_models"):
        FaceBlendshapes(model=tmp_path / "face_landmarker.task")


def test_a_missing_interpreter_is_named_with_its_remedy(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(DataError, match="pip install ai-edge-litert"):
        FaceBlendshapes(model=model)
