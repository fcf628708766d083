"""Speech encoders of a few kilobytes with random weights, saved as published ones are."""

from pathlib import Path

import torch

FAMILIES = ("hubert", "wav2vec2", "wavlm", "whisper")


def write_tiny_encoder(folder: Path, family: str, stable: bool = False, do_normalize: bool = True) -> Path:
    """Write a model of 3 layers with 16 channels.

    Args:
        folder: where.
        family: one of `FAMILIES`.
        stable: norms before the layers instead of after them, as in the large models; not for Whisper.
        do_normalize: let the waveform be normalised; not for Whisper.
    """
    import transformers

    torch.manual_seed(0)
    if family == "whisper":
        config = transformers.WhisperConfig(
            d_model=16,
            encoder_layers=3,
            encoder_attention_heads=2,
            encoder_ffn_dim=24,
            decoder_layers=1,
            decoder_attention_heads=2,
            decoder_ffn_dim=24,
            vocab_size=32,
            max_source_positions=1500,
            max_target_positions=8,
            **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"), 1),
        )
        model = transformers.WhisperModel(config)
        prepare = transformers.WhisperFeatureExtractor()
    else:
        configs = {
            "hubert": transformers.HubertConfig,
            "wav2vec2": transformers.Wav2Vec2Config,
            "wavlm": transformers.WavLMConfig,
        }
        models = {
            "hubert": transformers.HubertModel,
            "wav2vec2": transformers.Wav2Vec2Model,
            "wavlm": transformers.WavLMModel,
        }
        config = configs[family](
            hidden_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=24,
            conv_dim=[8] * 7,
            conv_bias=stable,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
            do_stable_layer_norm=stable,
            feat_extract_norm="layer" if stable else "group",
        )
        model = models[family](config)
        prepare = transformers.Wav2Vec2FeatureExtractor(do_normalize=do_normalize, return_attention_mask=stable)
    with torch.no_grad():  # their initial weights are so small that all hops would look the same
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "pos" not in name:
                parameter.mul_(4)
    model.save_pretrained(folder)
    prepare.save_pretrained(folder)
    return folder
