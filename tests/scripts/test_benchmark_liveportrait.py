"""Plain and folded networks are compared only where they give the same, and shares add up to the whole."""

import json
from itertools import combinations
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from scripts.benchmark_liveportrait import compared, growing, main, summary, warping_variants
from scripts.liveportrait_rewrites import (
    GENERATOR_REWRITES,
    WARPING_REWRITES,
    SteppedGenerator,
    SteppedWarping,
)
from src.errors import RenderError
from tests.render.liveportrait.small_networks import SMALL, lively, networks
from tests.scripts.test_realtime import composed


def small(*overrides: str) -> DictConfig:
    sizes = [f"networks.{key}={value}" for key, value in SMALL.items()]
    return composed("benchmark_liveportrait", "repetitions=1", "warm_up=0", "num_threads=1", *sizes, *overrides)


@torch.no_grad()
@pytest.mark.parametrize("off", [(), *combinations(GENERATOR_REWRITES, 2)])
def test_a_generator_with_any_of_its_rewrites_draws_the_same(off: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    generator = networks(SMALL)["spade_generator"].double()
    features = torch.randn(1, 16, 16, 16, dtype=torch.float64)
    stepped = SteppedGenerator.of(generator, set(GENERATOR_REWRITES) - set(off))  # type: ignore[arg-type]
    torch.testing.assert_close(stepped(features), generator(features))


@torch.no_grad()
@pytest.mark.parametrize("off", [(), *combinations(WARPING_REWRITES, 2)])
def test_a_warping_with_any_of_its_rewrites_warps_the_same(off: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    warping = lively(networks(SMALL)["warping_module"], seed=1).double()
    volume = torch.randn(1, 32, 4, 32, 32, dtype=torch.float64)
    driving, source = torch.rand(2, 1, 5, 3, dtype=torch.float64).unbind()
    stepped = SteppedWarping(warping, set(WARPING_REWRITES) - set(off), volume, source)  # type: ignore[arg-type]
    expected = warping(volume, driving, source)
    features, motion = stepped(driving)
    torch.testing.assert_close(features, expected.features)
    torch.testing.assert_close(motion.deformation, expected.motion.deformation)


def test_the_record_has_every_rewrite_and_what_the_figures_depend_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "record.json"
    main(small(f"out={out}", "batches=[1,2]"))
    record = json.loads(out.read_text())
    assert (record["weights"], record["dtype"], record["torch"]) == ("seeded", "float32", torch.__version__)
    assert list(record["batches"]) == ["1", "2"]
    for figures in record["batches"].values():
        for network, names in (("warping_module", WARPING_REWRITES), ("spade_generator", GENERATOR_REWRITES)):
            variants = figures[network]["variants"]
            assert list(variants) == ["plain", *names, "folded"]
            assert all(one["ms_per_frame"] > 0 and one["difference"] <= 1e-4 for one in variants.values())
        # Phases need fewer operations; a small W has others instead.
        drawing = figures["spade_generator"]["variants"]
        assert drawing["folded"]["gflop_per_frame"] < drawing["plain"]["gflop_per_frame"]
    shown = capsys.readouterr().out
    assert "matrix sampling" in shown
    assert "W + G, batch 2" in shown


def test_without_steps_only_plain_and_folded_are_measured(tmp_path: Path) -> None:
    main(small(f"out={tmp_path / 'record.json'}", "steps=false"))
    record = json.loads((tmp_path / "record.json").read_text())
    assert list(record["batches"]["1"]["spade_generator"]["variants"]) == ["plain", "folded"]


def test_what_gives_something_else_is_not_compared() -> None:
    same = torch.ones(3)
    variants = {"plain": lambda: same, "cheap": lambda: same + 2e-4, "folded": lambda: same}
    with pytest.raises(RenderError, match=r"spade_generator: 'cheap' differs .* by 2\.0e-04 .* allowed are 1e-04"):
        compared("spade_generator", variants, 1e-4)
    with pytest.raises(RenderError, match="'folded' differs .* by nan"):
        compared("spade_generator", variants | {"cheap": lambda: same, "folded": lambda: same * torch.nan}, 1e-4)


def test_shares_are_of_what_all_rewrites_save_by_the_processor() -> None:
    times = {
        name: [(9.0, seconds, 0.0)] * 3 for name, seconds in (("plain", 8.0), ("a", 6.0), ("b", 7.0), ("folded", 4.0))
    }
    figures = summary(times, dict.fromkeys(times, 0.0), dict.fromkeys(times, 5.0), 2, torch.device("cpu"))
    assert figures["decided_by"] == "processor time"
    rows = figures["variants"]
    assert [rows[name]["share_of_saving"] for name in times] == [None, 0.5, -0.25, 0.75]
    assert (rows["a"]["ms_per_frame"], rows["a"]["cpu_ms_per_frame"], rows["a"]["over_plain"]) == (4500, 3000, 0.75)


@torch.no_grad()
def test_a_variant_has_one_rewrite_more_than_the_one_before() -> None:
    assert growing(("a", "b")) == [("a",), ("a", "b")]
    warping = networks(SMALL)["warping_module"]
    volume, keypoints = torch.rand(1, 32, 4, 64, 64), torch.rand(1, 5, 3)
    variants = warping_variants(warping, volume, keypoints, keypoints, steps=True)
    assert list(compared("warping_module", variants, 1e-4)) == ["plain", *WARPING_REWRITES, "folded"]
