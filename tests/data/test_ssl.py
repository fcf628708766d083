"""Encoders hear the same windows live as in training, and say what they need."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from safetensors.torch import load_file, save_file

from scripts.entry import CONFIG_FOLDER
from src.data.features import SslFeatures
from src.errors import ConfigError, DataError, StreamError
from tests.data.test_features import noise
from tests.tiny_encoders import FAMILIES, write_tiny_encoder

VARIANTS = [*((family, False) for family in FAMILIES), *((family, True) for family in FAMILIES[:3])]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Path]:
    folder = tmp_path_factory.mktemp("models")
    return {
        (family, stable): write_tiny_encoder(folder / f"{family}-{stable}", family, stable)
        for family, stable in VARIANTS
    }


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads on a busy machine are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def extractor(model: Path, **changes: Any) -> SslFeatures:
    settings = {
        "model": str(model),
        "layer": 2,
        "past_ms": 160,
        "new_ms": 80,
        "future_ms": 40,
        "device": "cpu",
        "weights_sha256": None,
    }
    return SslFeatures(**{**settings, **changes})


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("num_samples", [1, 1280, 9_001])
def test_a_stream_gives_the_bits_of_the_whole_recording(models: dict, variant: tuple, num_samples: int) -> None:
    ssl, waveform = extractor(models[variant]), noise(num_samples)
    whole = ssl.extract(waveform)
    for piece in (37, 1281, 100_000):
        stream = ssl.stream()
        parts = [stream.push(waveform[start : start + piece]) for start in range(0, num_samples, piece)]
        assert np.array_equal(np.concatenate([*parts, stream.finish()]), whole)
    assert whole.shape == (-(-num_samples // 320), 16)


@pytest.mark.parametrize("layer", [2, "all"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_frames_of_a_stream_are_those_of_the_whole_recording(models: dict, variant: tuple, layer: int | str) -> None:
    ssl, waveform = extractor(models[variant], layer=layer), noise(9_000)
    stream = ssl.frame_stream()
    frames = np.concatenate([*(stream.push(part) for part in np.split(waveform, [500, 3_000])), stream.finish()])
    assert frames.shape == (15, ssl.row_size)
    assert ssl.row_size == 2 * 16 * ssl.num_layers
    assert np.array_equal(frames, ssl.extract_frames(waveform))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_layer_is_the_hidden_state_of_the_whole_model(models: dict, variant: tuple) -> None:
    """A window that covers the whole sound gives what the library gives, whichever layers were left out."""
    from transformers import AutoFeatureExtractor, AutoModel

    waveform = np.concatenate([noise(6_400 - 640), np.zeros(640, np.float32)])
    prepare, model = AutoFeatureExtractor.from_pretrained(models[variant]), AutoModel.from_pretrained(models[variant])
    if variant[0] == "whisper":
        model = model.encoder
        model.config.max_source_positions = 20
        model.embed_positions = torch.nn.Embedding.from_pretrained(model.embed_positions.weight[:20])
    inputs = prepare([waveform], sampling_rate=16_000, padding="longest", return_tensors="pt")
    with torch.no_grad():
        output = model.eval()(inputs[prepare.model_input_names[0]], output_hidden_states=True)
    expected = [*output.hidden_states[:-1], output.last_hidden_state]
    chunking = {"past_ms": 0, "new_ms": 360, "future_ms": 40}
    for layer in range(4):
        hops = extractor(models[variant], layer=layer, **chunking).extract(waveform[:5_760])
        np.testing.assert_allclose(hops, expected[layer][0, :18].numpy(), rtol=0, atol=1e-5)
    every = extractor(models[variant], layer="all", **chunking).extract(waveform[:5_760]).reshape(18, 16, 4)
    np.testing.assert_allclose(every, torch.stack(expected, 3)[0, :18].numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_chunk_hears_its_window_and_nothing_else(models: dict, variant: tuple) -> None:
    ssl, waveform = extractor(models[variant]), noise(12_800)
    hops = ssl.extract(waveform)
    chunk = slice(5 * 4, 6 * 4)  # new sound 6400 .. 7679, window 3840 .. 8319
    for sample, is_heard in ((3_839, False), (3_900, True), (8_319 - 80, True), (8_320, False)):
        changed = waveform.copy()
        changed[sample : sample + 1] += 0.5
        assert np.array_equal(ssl.extract(changed)[chunk], hops[chunk]) != is_heard


@pytest.mark.parametrize("family", FAMILIES)
def test_a_click_is_loudest_in_the_hop_centred_on_it(tmp_path: Path, family: str) -> None:
    """In state 0, before attention has spread it; on average, since random convolutions hear some clicks badly."""
    model = write_tiny_encoder(tmp_path / family, family, stable=family != "whisper", do_normalize=False)
    ssl = extractor(model, layer=0, past_ms=200, new_ms=1000, future_ms=200)
    assert (ssl.hops_per_frame, ssl.hops_before_frame, ssl.hop_s) == (2, 1, 0.02)
    assert ssl.first_centre_s == (0.0 if family == "whisper" else 0.0125)
    generator = np.random.default_rng(0)
    background = (1e-2 * generator.standard_normal(16_000)).astype(np.float32)
    quiet, profiles = ssl.extract(background), []
    for hop in range(10, 40):
        sound = background.copy()
        centre = round((hop * ssl.hop_s + ssl.first_centre_s) * 16_000)
        sound[centre - 40 : centre + 40] += 0.2 * generator.standard_normal(80)
        change = np.linalg.norm(ssl.extract(sound) - quiet, axis=1)
        profiles.append(change[hop - 5 : hop + 6] / change.sum())
    profile = np.mean(profiles, axis=0)
    assert profile.argmax() == 5
    assert profile[5] > 1.2 * max(profile[4], profile[6])


def test_a_motion_frame_sees_the_hops_around_its_time(models: dict) -> None:
    for variant in (("hubert", False), ("whisper", False)):
        ssl, waveform = extractor(models[variant]), noise(6_400)
        hops, frames = ssl.extract(waveform), ssl.extract_frames(waveform)
        assert np.array_equal(frames[3], np.concatenate([hops[5], hops[6]]))
        assert np.array_equal(frames[0], np.concatenate([ssl.silence_row, hops[0]]))
        centres_ms = [1000 * (hop * ssl.hop_s + ssl.first_centre_s) - 3 * 40 for hop in (5, 6)]
        assert min(centres_ms) < 0 <= max(centres_ms) < 20


@pytest.mark.parametrize("new_ms", [20, 60, 80, 200])
def test_no_frame_comes_later_than_the_stated_latency_and_one_as_late(models: dict, new_ms: int) -> None:
    ssl, stream = extractor(models["hubert", False], new_ms=new_ms), None
    assert ssl.latency_parts == {
        "last feature hop of a frame": 0,
        "filling a chunk": new_ms,
        "look-ahead of the encoder": 40,
    }
    assert ssl.latency_ms == new_ms + 40 == pytest.approx(1000 * (ssl.lookahead_s + ssl.first_centre_s))
    stream, late_ms, num_frames = ssl.frame_stream(), [], 0
    for start in range(0, 16_000, 160):
        frames = stream.push(noise(160))
        late_ms += [(start + 160) / 16 - 40 * (num_frames + index) for index in range(len(frames))]
        num_frames += len(frames)
    assert max(late_ms) == ssl.latency_ms


def test_the_waveform_is_normalised_per_window_where_the_model_wants_it(tmp_path: Path) -> None:
    waveform = noise(6_400)
    wanted = extractor(write_tiny_encoder(tmp_path / "normalised", "hubert"))
    plain = extractor(write_tiny_encoder(tmp_path / "plain", "hubert", do_normalize=False))
    louder = np.abs(wanted.extract(waveform) - wanted.extract(4 * waveform)).max()
    assert louder < 1e-3 < np.abs(plain.extract(waveform) - wanted.extract(waveform)).max()


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_silence_has_the_silence_row_on_average(models: dict, variant: tuple) -> None:
    ssl = extractor(models[variant])
    silent = ssl.extract(np.zeros(6_400, np.float32))
    np.testing.assert_allclose(silent.mean(axis=0), ssl.silence_row, atol=1e-5)
    assert np.isfinite(silent).all()
    assert ssl.silence_frame.shape == (ssl.row_size,)


def test_the_hash_names_weights_and_chunking_but_not_the_place(models: dict, tmp_path: Path) -> None:
    ssl = extractor(models["hubert", False])
    moved = extractor(write_tiny_encoder(tmp_path / "moved", "hubert"), device="auto")
    assert ssl.config_hash == moved.config_hash
    changes: list[dict] = [{"layer": 1}, {"layer": "all"}, {"past_ms": 0}, {"new_ms": 40}, {"future_ms": 80}]
    others = [extractor(models["hubert", False], **change) for change in changes]
    weights = load_file(moved_file := tmp_path / "moved" / "model.safetensors")
    weights["encoder.layer_norm.bias"][0] += 1
    save_file(weights, moved_file, {"format": "pt"})
    others.append(extractor(tmp_path / "moved"))
    assert len({ssl.config_hash, *(other.config_hash for other in others)}) == len(others) + 1
    rebuilt = {name: value for name, value in ssl.config.items() if name != "_target_"}
    assert SslFeatures(**rebuilt).config_hash == ssl.config_hash
    assert ssl.is_costly
    with pytest.raises(ConfigError, match="Give the model that was trained with"):
        SslFeatures(**{**rebuilt, "model": str(tmp_path / "moved")})


def test_weights_of_both_formats_and_of_older_names_are_read(models: dict, tmp_path: Path) -> None:
    """Published HuBERT weights are pickles which name the weight norm as older versions of PyTorch did."""
    folder = write_tiny_encoder(tmp_path / "old", "hubert")
    weights = load_file(folder / "model.safetensors")
    renamed = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in weights.items()
        if name != "masked_spec_embed"
    }
    assert renamed.keys() - weights.keys(), "the weight norm has another name by now"
    torch.save(renamed, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    waveform = noise(3_200)
    assert np.array_equal(extractor(folder).extract(waveform), extractor(models["hubert", False]).extract(waveform))


def test_a_model_is_found_in_the_folder_of_models(models: dict, tmp_path: Path, monkeypatch: Any) -> None:
    place = models["hubert", False]
    monkeypatch.setenv("A2M_MODELS", str(place.parent))
    for name in (f"somebody/{place.name}", f"/gone/{place.name}", place.name):
        assert extractor(Path(name)).config_hash == extractor(place).config_hash


def test_a_missing_folder_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such folder\. Give the folder .* environment variable A2M_MODELS names"):
        extractor(tmp_path / "gone")


def test_an_unreachable_hub_says_what_to_download(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("A2M_MODELS", raising=False)
    with pytest.raises(ConfigError, match=r"download https://huggingface.co/some/hubert .* as hubert\."):
        extractor(Path("some/hubert"))


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_names_it(tmp_path: Path, name: str) -> None:
    folder = write_tiny_encoder(tmp_path / "model", "hubert")
    (folder / name).unlink()
    with pytest.raises(ConfigError, match=f"not a whole model, {name}.* missing"):
        extractor(folder)


def test_damaged_and_foreign_models_are_refused_in_words(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "model", "hubert")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="the encoder can't be loaded"):
        extractor(folder).extract(noise(100))
    tensors = load_file(write_tiny_encoder(tmp_path / "other", "hubert") / "model.safetensors")
    del tensors["encoder.layers.1.attention.k_proj.weight"]
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(ConfigError, match=r"the weights lack 1 tensors .* encoder.layers.1.attention.k_proj.weight"):
        extractor(folder).extract(noise(100))
    for content, message in (
        ('{"model_type": "bert"}', "a model of type 'bert'"),
        ("{", "its configuration can't be read"),
    ):
        (folder / "config.json").write_text(content)
        with pytest.raises(ConfigError, match=message):
            extractor(folder)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layer": 4}, "has hidden states 0 to 3"),
        ({"layer": "last"}, "has hidden states 0 to 3"),
        ({"past_ms": 30}, "features.past_ms is 30; expected a multiple of the hop of 20 ms, 0 or more"),
        ({"new_ms": 0}, "features.new_ms is 0; expected a multiple of the hop of 20 ms, 20 or more"),
        ({"future_ms": 0}, "Set future_ms=20 or more"),
        ({"device": "tpu"}, "features.device is 'tpu'"),
    ],
)
def test_wrong_settings_are_refused_in_words(models: dict, wrong: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        extractor(models["hubert", False], **wrong)


def test_windows_beyond_whispers_positions_are_refused(models: dict) -> None:
    assert extractor(models["whisper", False], future_ms=0).latency_ms == 80
    with pytest.raises(ConfigError, match="at most 30 s"):
        extractor(models["whisper", False], past_ms=30_000)


def test_bad_sound_and_finished_streams_are_refused(models: dict) -> None:
    ssl = extractor(models["hubert", False])
    with pytest.raises(DataError, match="one row"):
        ssl.extract(np.array([0.0, np.nan], np.float32))
    stream = ssl.stream()
    assert stream.finish().shape == (0, 16)
    with pytest.raises(StreamError, match="Start a new stream"):
        stream.push(np.zeros(10, np.float32))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_configuration_builds_the_extractor(models: dict, family: str) -> None:
    with initialize_config_dir(str(Path(CONFIG_FOLDER) / "features"), version_base="1.3"):
        config = compose(family, overrides=[f"model={models[family, False]}", "layer=all"])
        named = compose(family)
    ssl = instantiate(config)
    assert (ssl.num_layers, ssl.size, ssl.latency_ms) == (4, 64, 280)
    assert isinstance(named.layer, int)
    assert named.model.count("/") == 1


def test_a_missing_library_is_named(models: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="Install it with `pip install 'transformers"):
        extractor(models["hubert", False])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_gpu_gives_the_features_of_the_processor(models: dict, variant: tuple) -> None:
    waveform = noise(64_000)
    on_gpu = extractor(models[variant], device="cuda").extract(waveform)
    np.testing.assert_allclose(on_gpu, extractor(models[variant]).extract(waveform), rtol=1e-3, atol=1e-3)


def test_transformers_is_imported_for_encoders_only() -> None:
    script = (
        "import sys, scripts.realtime, src.realtime.predictor, src.data.features as f\n"
        "f.LogMel(**__import__('json').loads(sys.argv[1])).extract(__import__('numpy').zeros(100, 'float32'))\n"
        "sys.exit('transformers' in sys.modules or 'huggingface_hub' in sys.modules)"
    )
    from tests.data.test_features import CONFIG

    subprocess.run([sys.executable, "-c", script, json.dumps(CONFIG)], check=True)
