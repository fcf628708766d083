"""Keypoints of a portrait that is a video itself, driven by another face. All frames are known; motion is smoothed."""

import torch
from torch import Tensor

from src.render.liveportrait.animation import expression_in
from src.render.liveportrait.animation_options import AnimationOptions
from src.render.liveportrait.driving import DrivingFrame, MotionTemplate
from src.render.liveportrait.finishing import Correctors, Finishing, Portrait, required
from src.render.liveportrait.heads import retargeted
from src.render.liveportrait.keypoint_sets import CLOSED_LIPS, expression_mask
from src.render.liveportrait.keypoints import FaceMotion
from src.render.liveportrait.smoothing import smooth_sequence

SLEEPY, AWAKE = 0.18, 0.39
"""Eyes of the first frame that are less open than the first are opened to the second."""


def animate_video(
    portrait: Portrait, correctors: Correctors, options: AnimationOptions, template: MotionTemplate
) -> tuple[Portrait, Tensor]:
    """Drive a video.

    Args:
        portrait: its T frames.
        correctors: the small networks.
        options: how to follow.
        template: the driver. One of a single frame drives all frames; otherwise the shorter of both decides.

    Returns:
        The frames of the portrait that are driven, and their (T', 21, 3) driven keypoints.

    Raises:
        RenderError: the options want openings of eyes or lips, or a network, that aren't there.
    """
    lone = template.num_frames == 1
    count = len(portrait.keypoints) if lone else min(len(portrait.keypoints), template.num_frames)
    portrait = first_frames(portrait, count)
    driver = DrivingFrame(*(None if values is None else values[:count] for values in template.frames()))  # type: ignore[arg-type]
    driver = DrivingFrame(
        *(None if values is None else values.expand(count, *values.shape[1:]) for values in driver)  # type: ignore[arg-type]
    )
    driven = _driven(portrait.motion, driver, options, lone)
    steadying = _steadying(portrait, correctors) if options.steady_eyes else None
    return portrait, Finishing(portrait, correctors, options, steadying)(driven.keypoints, driver)


def first_frames(portrait: Portrait, count: int) -> Portrait:
    """Of a video, not more than `count`."""
    motion = FaceMotion(*(values[:count] for values in portrait.motion))
    ratios = (None if values is None else values[:count] for values in (portrait.eye_ratios, portrait.lip_ratio))
    return Portrait(motion, *ratios)


def _driven(source: FaceMotion, driver: DrivingFrame, options: AnimationOptions, lone: bool) -> FaceMotion:
    """The video in the driver's motion, before keypoints are corrected."""
    region = options.region
    if not options.relative:
        rotation, exp, t = driver.rotation, driver.exp, driver.t
    elif lone:
        rotation, t = source.rotation, source.t
        exp = source.exp + (driver.exp - torch.from_numpy(CLOSED_LIPS).to(source.exp))
    else:
        rotation, t = driver.rotation @ driver.rotation[:1].mT @ source.rotation, source.t
        exp = source.exp + (driver.exp - driver.exp[:1])
    if not lone:
        rotation, exp = (_smooth(values, options.observation_variance) for values in (rotation, exp))
    taken = torch.where(expression_mask(exp.device), exp, source.exp)
    return FaceMotion(
        kp=source.kp,
        rotation=rotation if region.moves_pose else source.rotation,
        exp=expression_in(region, source.exp, exp, taken),
        scale=source.scale,
        t=t if region.moves_pose else source.t,
    )


def _steadying(portrait: Portrait, correctors: Correctors) -> Tensor:
    """(T, 21, 3) moves that keep the eyes as open as in the first frame."""
    ratios, network = required("steady_eyes", portrait.eye_ratios, correctors.eye)
    wanted = ratios[:1].mean(dim=1, keepdim=True)
    wanted = torch.where(wanted < SLEEPY, torch.full_like(wanted, AWAKE), wanted)
    return retargeted(network, portrait.keypoints, torch.cat([ratios, wanted.expand(len(ratios), 1)], dim=1))


def _smooth(values: Tensor, observation_variance: float) -> Tensor:
    return torch.from_numpy(smooth_sequence(values.cpu().numpy(), observation_variance)).to(values)
