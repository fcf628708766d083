"""What a student is told, and what it may be."""

from typing import Any

import pytest
import torch

from src.errors import ConfigError
from src.render.liveportrait.dense_motion import DenseMotion
from src.render.liveportrait.distillation import TERMS, Drawn, FrozenNetworks, RendererDistillation, iterate_power
from src.render.liveportrait.generator import SpectralConv2d
from tests.render.liveportrait.small_networks import SMALL, networks

LOSSES = dict.fromkeys(TERMS, 1.0)
TINY = SMALL | {"appearance_feature_extractor.reshape_depth": 2}


def module(**changes: Any) -> RendererDistillation:
    """Of a student with the sizes of its teacher."""
    torch.manual_seed(0)
    full, small = networks(TINY), networks(TINY)
    volumes, keypoints = torch.rand(2, 32, 2, 32, 32), torch.rand(2, 5, 3) - 0.5
    given: dict[str, Any] = {
        "warping": small["warping_module"],
        "generator": small["spade_generator"],
        "teacher": FrozenNetworks(full["warping_module"], full["spade_generator"], volumes, keypoints),  # type: ignore[arg-type]
        "motion": None,
        "losses": LOSSES,
        "batch_size": 1,
        "seed": 0,
        "contract": {},
        "optimizer": None,
        "schedule": None,
    }
    made = RendererDistillation(**(given | changes)).eval()
    made.warping_module.load_state_dict(full["warping_module"].state_dict())
    made.spade_generator.load_state_dict(full["spade_generator"].state_dict())
    return made


@torch.no_grad()
def test_a_student_with_the_weights_of_its_teacher_has_nothing_to_learn() -> None:
    made = module()
    index, driving = torch.tensor([1, 0, 1]), torch.rand(3, 5, 3) - 0.5
    student, teacher = made.draw(index, driving), made.teacher.draw(index, driving)
    assert student.image.shape == (3, 3, 256, 256)
    terms = made.terms(student, teacher)
    assert set(terms) == set(TERMS)
    assert max(float(term) for term in terms.values()) < 1e-4


@torch.no_grad()
def test_each_term_sees_its_own_part() -> None:
    made = module()
    same = made.teacher.draw(torch.tensor([0]), torch.zeros(1, 5, 3))
    warp = same.motion
    others = {
        "features": same._replace(features=same.features + 1),
        "deformation": same._replace(motion=DenseMotion(warp.deformation + 0.25, warp.occlusion)),
        "occlusion": same._replace(motion=DenseMotion(warp.deformation, warp.occlusion + 0.25)),
        "image": same._replace(image=same.image + 0.25),
    }
    for name, other in others.items():
        terms = made.terms(Drawn(*other), same)
        above = {key for key, term in terms.items() if term > 1e-6}
        assert above == ({"image", "image_scales"} if name == "image" else {name})
        assert name == "features" or float(terms[name]) == pytest.approx(0.25, abs=1e-5)


def test_spectral_norms_follow_a_kernel_that_changes() -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(4, 8, 3, bias=True)
    conv.weight_orig.data.normal_()
    for _ in range(200):
        iterate_power(conv)
    expected = torch.linalg.matrix_norm(conv.weight_orig.detach().flatten(1), ord=2)
    torch.testing.assert_close(conv.sigma.detach(), expected)


@pytest.mark.parametrize("losses", [{}, LOSSES | {"more": 1.0}, LOSSES | {"image": -1.0}, dict.fromkeys(TERMS, 0.0)])
def test_losses_that_can_not_be_are_named(losses: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="expected weights of 0 or more, not all 0, for features, deformation"):
        module(losses=losses)


def test_a_generator_that_does_not_fit_its_warping_is_named() -> None:
    wide = networks(TINY | {"spade_generator.feature_channels": 24})["spade_generator"]
    with pytest.raises(ConfigError, match="gives 16 channels, its generator takes 24"):
        module(generator=wide)
