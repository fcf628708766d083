import functools
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from src.data.blendshapes import MODEL_SHA256
from src.files import sha256_of
from src.render.liveportrait.weights import FILES, find_weights
from tests.data.hub_server import Hub, serving
from tests.script_process import run_script

ROOT = Path(__file__).resolve().parents[2]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[str]:
    """Address of a folder with the model and with a page that is none."""
    model = shared / "models" / "face_landmarker.task"
    if not model.is_file():
        pytest.skip(f"{model} is missing: fetch it with `python -m scripts.download_models`")
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "sign_in.html").write_text("please sign in")
    (folder / "face_landmarker.task").symlink_to(model)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script("download_models", *arguments, env=os.environ | {"no_proxy": "127.0.0.1"})


def test_the_model_is_fetched_and_checked(mirror: str, tmp_path: Path) -> None:
    out = tmp_path / "my models"
    for word in ("fetched and checked", "there already"):
        result = run(f"out={out}", f"url={mirror}/face_landmarker.task")
        assert result.returncode == 0, result.stderr
        assert word in " ".join(result.stderr.split())
    assert sha256_of(out / "face_landmarker.task") == MODEL_SHA256


def test_what_is_not_the_model_is_not_kept(mirror: str, tmp_path: Path) -> None:
    result = run(f"out={tmp_path}", f"url={mirror}/sign_in.html")
    assert result.returncode == 2
    assert "SHA-256" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def hub() -> Iterator[Hub]:
    names = {file.source.name for file in FILES.values()}
    with serving(Hub({name: name.encode() * 1000 for name in sorted(names)})) as running:
        yield running


def test_the_weights_of_liveportrait_lie_as_they_are_published_and_are_fetched_once(hub: Hub, tmp_path: Path) -> None:
    out = tmp_path / "my weights"
    hub.cuts = {"liveportrait/base_models/spade_generator.pth": 1}
    result = run("model=liveportrait", f"out={out}", f"url={hub.address}")
    assert result.returncode == 0, result.stderr
    assert set(find_weights(out)) == set(FILES)
    record = json.loads((out / "checksums.json").read_text())["files"]
    assert {name: file["sha256"] for name, file in record.items()} == {
        name: sha256_of(out / name) for name in hub.files
    }
    asked = hub.listed
    again = run("model=liveportrait", f"out={out}", f"url={hub.address}")
    assert again.returncode == 0
    assert again.stderr.count("already") == len(hub.files)
    assert (hub.listed, len(hub.ranges["liveportrait/base_models/motion_extractor.pth"])) == (asked, 1)
    assert not list(out.rglob(".*"))


def test_weights_that_are_not_what_the_hub_states_or_stated_are_refused(hub: Hub, tmp_path: Path) -> None:
    name = "liveportrait/base_models/warping_module.pth"
    arguments = ("model=liveportrait", f"out={tmp_path}", f"url={hub.address}")
    hub.stated[name] = "1" * 64
    result = run(*arguments)
    assert result.returncode == 2
    assert f"expected {'1' * 64}. It was not kept" in result.stderr
    assert not (tmp_path / name).exists()
    assert not (tmp_path / "checksums.json").exists()
    del hub.stated[name]
    assert run(*arguments).returncode == 0
    hub.files[name] = b"another"
    (tmp_path / name).unlink()
    result = run(*arguments)
    assert result.returncode == 2
    assert "Delete the record if you trust it" in result.stderr
    assert not (tmp_path / name).exists()
