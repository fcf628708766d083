"""The documents about data name what there is: every reason, every key, every script, in both languages."""

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.data.rejection import Reason

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
LANGUAGES = ("data_preparation.md", "data_preparation.zh-CN.md")


def text_of(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def commands(text: str) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_reason_has_a_cause_and_a_remedy(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", text_of(name), flags=re.MULTILINE)
    assert [code for code, _, _ in rows] == [reason.value for reason in Reason]
    assert all(len(cause) > 4 and len(remedy) > 4 for _, cause, remedy in rows)


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_key_that_is_named_exists(name: str) -> None:
    register()
    known: set[str] = set()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        for layout in ("folder", "voxceleb", "hdtf", "mead", "manifest"):
            config = OmegaConf.to_container(compose("prepare_data", [f"data={layout}"]), resolve=False)
            known |= set(keys_of(config))
        known |= set(keys_of(OmegaConf.to_container(compose("train"), resolve=False)))
    named = set(re.findall(r"\b((?:prepare|data|engines|models)\.[a-z_]+(?:\.[a-z_]+)*)\b(?!\.md|/)", text_of(name)))
    assert len(named) > 15
    assert named - known == set()


def keys_of(node: object, path: str = "") -> list[str]:
    if not isinstance(node, dict):
        return [path]
    own = [path] if path else []
    return own + [key for name, value in node.items() for key in keys_of(value, f"{path}.{name}" if path else name)]


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_script_and_file_that_is_named_exists(name: str) -> None:
    text = text_of(name)
    scripts = set(re.findall(r"python -m scripts\.(\w+)", text))
    assert len(scripts) >= 6
    assert [script for script in scripts if not (ROOT / "scripts" / f"{script}.py").is_file()] == []
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("https://")]
    assert [link for link in links if not (DOCS / link).is_file()] == []
    paths = re.findall(r"`((?:conf|src|notebooks|scripts)/[\w./-]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_both_languages_have_the_same_sections_tables_and_commands() -> None:
    english, chinese = (text_of(name) for name in LANGUAGES)

    def shape(text: str) -> list[str]:
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        prose = re.sub(r"^!\[.*\]\((.*)\)$", r"! \1", prose, flags=re.MULTILINE)
        lines = [line for line in prose.splitlines() if line.startswith(("#", "|", "! "))]
        return [line if line.startswith("! ") else line.split(" ")[0] for line in lines]

    assert shape(english) == shape(chinese)
    assert commands(english) == commands(chinese)


def test_pictures_of_the_documents_are_small() -> None:
    for picture in ("framing.jpg", "data_card.png", "data_strip.jpg"):
        assert (DOCS / picture).stat().st_size < 150_000
