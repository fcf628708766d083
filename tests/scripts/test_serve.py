"""The page of a tiny untrained model and a drawn face, as `scripts.serve` puts it together."""

import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

import scripts.serve
from scripts.serve import application_for, packages
from src.errors import ConfigError
from src.realtime.server.socket_viewer import HEAD
from tests.realtime.server.doors import Doors
from tests.render.portraits import drawn_avatar
from tests.scripts.test_realtime import composed


def config_of(inputs: Path, *more: str):
    overrides = (f"checkpoint='{inputs / 'best.ckpt'}'", f"avatar='{inputs / 'avatar'}'", "render.size=256", "tts=null")
    return composed("serve", *overrides, *more)


def test_what_a_visitor_says_comes_back_spoken(inputs: Path, tmp_path: Path) -> None:
    shutil.copytree(inputs / "avatar", tmp_path / "avatars" / "one")
    shutil.copytree(inputs / "avatar", tmp_path / "avatars" / "two")
    (tmp_path / "avatars" / "broken").mkdir()
    (tmp_path / "avatars" / "broken" / "avatar.json").write_text("{}")
    config = config_of(inputs, f"avatars='{tmp_path / 'avatars'}'")
    name = drawn_avatar().name
    doors = Doors(application_for(config))
    with doors.client as client:
        about = client.get("/api/about").json()
        assert [avatar["name"] for avatar in about["avatars"]] == [name] * 3
        assert about["voice"] is False
        keys = [avatar["key"] for avatar in about["avatars"]]
        assert len(set(keys)) == 3
        for key in keys:
            assert client.get(f"/api/avatars/{key}/picture").content[:2] == b"\xff\xd8"
        with doors.knock(keys[1]) as talk:
            talk.send_json({"type": "stream"})
            talk.send_json({"type": "microphone", "on": True, "sample_rate_hz": 16_000})
            tone = (9000 * np.sin(np.arange(16_000) / 20)).astype("<i2")
            for start in range(0, len(tone), 640):
                talk.send_bytes(tone[start : start + 640].tobytes())
            loudest, pictures = 0, 0
            while loudest < 5000 or not pictures:
                message = talk.receive()
                if (data := message.get("bytes")) is not None:
                    _, count, *_ = HEAD.unpack_from(data)
                    pictures += data[HEAD.size + 2 * count :][:2] == b"\xff\xd8"
                    loudest = max(loudest, int(np.abs(np.frombuffer(data, "<i2", count, HEAD.size)).max()))
                elif "text" in message:
                    assert json.loads(message["text"])["type"] != "bye", message["text"]


def test_a_server_for_others_is_refused_without_a_token_before_anything_is_loaded(inputs: Path) -> None:
    with pytest.raises(ConfigError, match=r"host=0\.0\.0\.0: other machines"):
        application_for(config_of(inputs, "host=0.0.0.0", "checkpoint=missing.ckpt"))


def test_a_folder_without_avatars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        packages(tmp_path / "missing")
    with pytest.raises(ConfigError, match=r"no avatar package in it\. Make one with"):
        packages(tmp_path)


def test_a_port_in_use_is_said_at_once(inputs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port={port} can't be used .* Choose another port"):
            scripts.serve.main(config_of(inputs, f"port={port}", "checkpoint=missing.ckpt"))


def test_half_a_certificate_is_refused(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="certificate and key belong together"):
        scripts.serve.main(config_of(inputs, "certificate=cert.pem"))
    with pytest.raises(ConfigError, match=r"certificate=.*: no such file"):
        scripts.serve.main(config_of(inputs, f"certificate={tmp_path / 'c.pem'}", f"key={tmp_path / 'k.pem'}"))


def test_a_renderer_too_slow_for_speech_is_refused(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.realtime.animator.Animator.drawn_per_second", lambda self: 7.0)
    with pytest.raises(ConfigError, match="draws 7 pictures a second with this renderer, live speech needs 25"):
        application_for(config_of(inputs))


@pytest.mark.parametrize(
    "override", ["limits.max_sessions=0", "quality.jpeg_quality=101", "token=short", "limits.max_upload_mb=-1"]
)
def test_values_that_make_no_sense_are_refused(inputs: Path, override: str) -> None:
    with pytest.raises(Exception, match=override.split("=")[0].split(".")[-1]):
        application_for(config_of(inputs, override))
