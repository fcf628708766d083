"""A video as portrait keeps its own motion beside the driver's."""

from dataclasses import replace

import torch

from src.render.liveportrait.animation_options import OFFICIAL, Region
from src.render.liveportrait.driving import MotionTemplate
from src.render.liveportrait.finishing import Correctors, Portrait
from src.render.liveportrait.video_animation import animate_video
from tests.render.liveportrait.motions import correctors, faces, portrait, template

NONE = Correctors(None, None, None)
PLAIN = replace(OFFICIAL, stitching=False, observation_variance=1e-12)


def held(count: int) -> MotionTemplate:
    one = template(1)
    fields = {name: getattr(one, name).repeat(count, axis=0) for name in ("rotation", "exp", "scale", "t")}
    return MotionTemplate(fps=25, **fields)


def test_a_driver_that_holds_still_leaves_the_video_as_it_is() -> None:
    video, driven = animate_video(portrait(4), NONE, PLAIN, held(6))
    torch.testing.assert_close(driven, portrait(4).keypoints, atol=1e-5, rtol=0)
    assert len(video.keypoints) == 4


def test_the_shorter_of_video_and_driver_decides_and_one_frame_drives_all() -> None:
    assert len(animate_video(portrait(5), NONE, PLAIN, template(3))[1]) == 3
    assert len(animate_video(portrait(5), NONE, PLAIN, template(1))[1]) == 5


def test_a_video_of_one_pose_moved_by_poses_only_keeps_its_expression() -> None:
    options = replace(PLAIN, region=Region.POSE, relative=False)
    video, driven = animate_video(portrait(3), NONE, options, template(3))
    expected = video.motion._replace(rotation=torch.from_numpy(template(3).rotation), t=torch.from_numpy(template(3).t))
    torch.testing.assert_close(driven, expected.keypoints, atol=1e-5, rtol=0)


def test_steady_eyes_depend_on_the_first_frame_and_wake_sleepy_ones() -> None:
    options, networks = replace(PLAIN, steady_eyes=True), correctors()

    def ways(openings: float) -> torch.Tensor:
        video = Portrait(faces(2), torch.tensor([[openings] * 2, [0.3, 0.3]]), torch.zeros(2, 1))
        return animate_video(video, networks, options, held(2))[1][1] - video.keypoints[1]

    torch.testing.assert_close(ways(0.1), ways(0.39), atol=1e-5, rtol=0)
    assert not torch.allclose(ways(0.2), ways(0.39), atol=1e-5)
