"""How large the pieces of a source are."""

from src.errors import ConfigError


def chunk_size(chunk_ms: float, sample_rate_hz: int) -> int:
    """Samples of a chunk.

    Raises:
        ConfigError: none at all.
    """
    samples = round(sample_rate_hz * chunk_ms / 1000.0)
    if samples < 1:
        raise ConfigError(f"chunk_ms={chunk_ms:g} holds no sample at {sample_rate_hz} Hz. Set it to 10 or so.")
    return samples
