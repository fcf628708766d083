import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from scripts.entry import CONFIG_FOLDER
from scripts.make_speech import speaker_configuration
from scripts.schema import register
from src.data.speech_corpus import SpeechCorpus


def config(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose("make_speech", ["out=here", *overrides])


def test_the_configuration_describes_many_voices_of_many_languages() -> None:
    corpus = instantiate(config().data)
    assert isinstance(corpus, SpeechCorpus)
    assert corpus.num_speakers >= 200
    assert len(corpus.languages) >= 20


@pytest.mark.parametrize(
    ("override", "same"),
    [
        ("data.num_speakers=9", True),
        ("workers=7", True),
        ("validate_every=3", True),
        ("data.seed=1", False),
        ("data.languages.en.codas=n", False),
        ("data.articulator.lead_s=0", False),
    ],
)
def test_speakers_are_made_again_exactly_when_what_they_say_would_change(override: str, same: bool) -> None:
    assert (speaker_configuration(config()) == speaker_configuration(config(override))) is same
