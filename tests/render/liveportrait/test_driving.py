"""Templates hold what fits together, and are made from pictures as M sees them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from src import seeded_weights
from src.errors import MotionError
from src.render.liveportrait.driving import template_of_images
from src.render.liveportrait.keypoints import motion_of
from src.render.liveportrait.motion_extractor import MotionExtractor
from src.render.liveportrait.pictures import network_input
from tests.render.liveportrait.motions import template


@pytest.fixture(scope="module")
def extractor() -> MotionExtractor:
    torch.manual_seed(0)
    network = MotionExtractor(num_keypoints=21, num_bins=66, depths=(1, 1), widths=(8, 16)).eval()
    torch.nn.init.constant_(network.detector.fc_scale.bias, 1.2)
    return network


def test_frames_of_a_template_are_those_of_all() -> None:
    motion = template(4)
    frames = motion.frames()
    for i in range(4):
        for whole, one in zip(frames, motion.frame(i), strict=True):
            assert torch.equal(whole[i : i + 1], one)


def test_a_template_of_pictures_is_what_the_network_says(extractor: MotionExtractor) -> None:
    images = [seeded_weights.image(f"driving{i}", 0, 256) for i in range(3)]
    landmarks = np.random.default_rng(0).uniform(0, 256, (3, 203, 2))
    made = template_of_images(extractor, images, 30, landmarks)
    assert made.num_frames == 3
    assert made.eye_ratios is not None
    with torch.no_grad():
        expected = motion_of(extractor(network_input(images[1])))
    np.testing.assert_allclose(made.exp[1:2], expected.exp, atol=1e-6)
    np.testing.assert_allclose(made.keypoints[1:2], expected.keypoints, atol=1e-6)
    assert template_of_images(extractor, images, 30).lip_ratios is None


def test_pictures_and_landmarks_must_be_as_many(extractor: MotionExtractor) -> None:
    image = seeded_weights.image("driving", 0, 256)
    with pytest.raises(MotionError, match="landmarks of 2 frames for 1 pictures"):
        template_of_images(extractor, [image], 25, np.ones((2, 203, 2)))
    with pytest.raises(MotionError, match="no pictures"):
        template_of_images(extractor, [], 25)


def test_what_does_not_fit_together_is_refused() -> None:
    motion = template(3)
    with pytest.raises(MotionError, match=r"exp is \(2, 21, 3\), expected \(3, 21, 3\)"):
        replace(motion, exp=motion.exp[:2])
    with pytest.raises(MotionError, match="NaN or infinity in rotation of frame 2"):
        replace(motion, rotation=np.where(np.arange(3)[:, None, None] == 2, np.nan, motion.rotation))
    with pytest.raises(MotionError, match="fps is nan"):
        replace(motion, fps=float("nan"))
    with pytest.raises(MotionError, match="no frames"):
        replace(motion, rotation=motion.rotation[:0])
