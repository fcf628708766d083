"""The repository keeps its own promises: import direction, pinned versions, documented scripts."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import LONGEST_FIRST

ROOT = Path(__file__).resolve().parent.parent
PARITY = {"parity_layers", "parity_run", "parity_vectors", "seeded_weights"}
VOCABULARY = {"motion", "face", "files", "errors", "official_weights", *PARITY}
MIDDLE = {"data", "models", "render", "eval"}
ALLOWED = {
    **dict.fromkeys(VOCABULARY, VOCABULARY),
    **{package: VOCABULARY | {package} for package in MIDDLE},
    "realtime": VOCABULARY
    | {"realtime", "models", "render", "data.audio", "data.features", "data.speech", "data.speech_activity"},
}


def source_files() -> list[Path]:
    return sorted((ROOT / "src").rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import; the house style imports from src"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def locked_versions() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {name.lower().replace("_", "-"): version for name, version in pinned}


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    owner = path.relative_to(ROOT / "src").with_suffix("").parts[0]
    for module in imported_modules(path):
        assert not module.startswith(("scripts", "tests")), f"{path}: src must not import {module}"
        if module.startswith("src.") and owner != "__init__":
            inside = module.removeprefix("src.")
            assert any(inside == word or inside.startswith(f"{word}.") for word in ALLOWED[owner]), (
                f"{path}: {owner} may not import {module}"
            )


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_two_wrappers_import_mediapipe(path: Path) -> None:
    if path.name not in ("landmarks.py", "person_matte.py"):
        assert not any(module.split(".")[0] == "mediapipe" for module in imported_modules(path))


def test_conda_environment_has_the_versions_of_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip_section,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    pinned = dict(line.split("==") for line in pip_section)
    locked = locked_versions()
    assert {name: locked.get(name.lower()) for name in pinned} == pinned


def test_conda_environment_has_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # LiveKit and Pipecat need another protobuf than MediaPipe, so they are in no environment with the rest.
    extras = [extra for name, extra in project["optional-dependencies"].items() if name not in ("livekit", "pipecat")]
    requirements = project["dependencies"] + [requirement for extra in extras for requirement in extra]
    wanted = {re.match(r"[\w.-]+", r).group().lower() for r in requirements if "== 'Darwin'" not in r}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip_section,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert wanted <= {line.split("==")[0].lower() for line in pip_section}


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_script_has_a_line_in_the_readme(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    scripts = {
        path.stem for path in (ROOT / "scripts").glob("*.py") if 'if __name__ == "__main__"' in path.read_text("utf-8")
    }
    assert scripts
    assert {name for name in scripts if f"scripts.{name}" not in text} == set()


def test_the_two_readmes_have_the_same_sections_and_commands() -> None:
    english, chinese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))
    assert [line.split(" ")[0] for line in english.splitlines() if line.startswith("#")] == [
        line.split(" ")[0] for line in chinese.splitlines() if line.startswith("#")
    ]

    def commands(text: str) -> list[str]:
        blocks = re.findall(r"```(?:bash|bat)\n(.*?)```", text, flags=re.DOTALL)
        return [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]

    assert commands(english) == commands(chinese)


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"])
def test_links_of_the_documents_lead_somewhere(readme: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", (ROOT / readme).read_text("utf-8"))
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_the_files_that_come_first_are_there() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / "tests" / name).is_file()] == []
