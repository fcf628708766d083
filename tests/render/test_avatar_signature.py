"""A signature breaks with any change, stays when a package is handed on, and says nothing unless a key is asked for."""

import base64
import importlib
import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from src.errors import RenderError
from src.render.avatar import Avatar, read_package
from src.render.avatar_package import pack_avatar, sign_avatar, unpack_avatar
from src.render.avatar_signature import SIGNATURE, check_signature, new_keys, signature_of
from tests.render.portraits import drawn_avatar

signing_keys = pytest.importorskip("src.render.signing_keys", reason="needs the extra `sign`")
FILES = drawn_avatar().files()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Private and public."""
    private = tmp_path_factory.mktemp("keys") / "ada.pem"
    return private, new_keys(private)


@pytest.fixture
def signed(tmp_path: Path, keys: tuple[Path, Path]) -> Path:
    drawn_avatar().save(tmp_path / "one")
    sign_avatar(tmp_path / "one", keys[0])
    return tmp_path / "one"


def test_a_signed_package_loads_and_says_by_which_key(signed: Path, keys: tuple[Path, Path]) -> None:
    assert Avatar.load(signed, trusted_key=keys[1]).files() == FILES
    public_key = check_signature(read_package(signed), "one")
    assert public_key == base64.b64encode(signing_keys.read_public_key(keys[1])).decode()


def test_packing_and_unpacking_keep_the_signature(signed: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    pack_avatar(signed, tmp_path / "one.avatar")
    unpack_avatar(tmp_path / "one.avatar", tmp_path / "two", keys[1])
    assert read_package(tmp_path / "two") == read_package(tmp_path / "one.avatar") == read_package(signed)
    assert SIGNATURE in read_package(tmp_path / "two")


def test_a_packed_avatar_is_signed_where_it_lies(signed: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    drawn_avatar().save(tmp_path / "two")
    pack_avatar(tmp_path / "two", tmp_path / "two.avatar")
    sign_avatar(tmp_path / "two.avatar", keys[0])
    assert read_package(tmp_path / "two.avatar") == read_package(signed), "Ed25519 signs without chance"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two", "two.avatar"]


def test_saving_again_drops_the_signature(signed: Path, keys: tuple[Path, Path]) -> None:
    replace(Avatar.load(signed), name="another").save(signed)
    assert SIGNATURE not in read_package(signed)
    with pytest.raises(RenderError, match=r"one: the avatar is not signed, and .*ada.public.pem was to have signed it"):
        Avatar.load(signed, trusted_key=keys[1])
    assert Avatar.load(signed).name == "another"


def test_a_changed_package_is_refused_though_its_hashes_are_right(signed: Path) -> None:
    content = json.loads((signed / "avatar.json").read_text())
    (signed / "avatar.json").write_text(json.dumps(content | {"name": "mallory"}))
    with pytest.raises(RenderError, match=r"one: avatar.json is not what was signed; it was changed afterwards"):
        Avatar.load(signed)
    (signed / SIGNATURE).unlink()
    assert Avatar.load(signed).name == "mallory"


def test_a_signature_of_another_key_is_refused_only_if_one_is_asked_for(
    signed: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    mallory = tmp_path / "mallory.pem"
    public = new_keys(mallory)
    sign_avatar(signed, mallory)
    assert Avatar.load(signed, trusted_key=public).name == "drawn"
    assert Avatar.load(signed).name == "drawn"
    with pytest.raises(RenderError, match=r"signed by the key .*=, which is not that of .*ada.public.pem"):
        unpack_avatar(signed, tmp_path / "out", keys[1])
    assert not (tmp_path / "out").exists()


def test_an_avatar_whose_signature_broke_can_be_signed_again(signed: Path, keys: tuple[Path, Path]) -> None:
    (signed / SIGNATURE).write_text("{}")
    with pytest.raises(RenderError, match=r"one: signature.json: not a signature \(schema: Field required\)"):
        Avatar.load(signed)
    sign_avatar(signed, keys[0])
    assert Avatar.load(signed, trusted_key=keys[1]).name == "drawn"


def test_a_damaged_package_is_not_signed(signed: Path, keys: tuple[Path, Path]) -> None:
    (signed / SIGNATURE).unlink()
    (signed / "matte.png").write_bytes(b"x")
    with pytest.raises(RenderError, match="matte.png is not the file"):
        sign_avatar(signed, keys[0])
    assert not (signed / SIGNATURE).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "none"}, "algorithm: Input should be 'ed25519'"),
        ({"schema_version": 2}, "schema_version: Input should be 1"),
        ({"signed": "landmarks.npy"}, "signed: Input should be 'avatar.json'"),
        ({"public_key": "a" * 44}, "public_key: String should match"),
        ({"public_key": "a" * 51 + "="}, "key and signature have 38 and 64 bytes"),
        ({"public_key": base64.b64encode(b"\xff" * 32).decode()}, "avatar.json is not what was signed"),
        ({"signature": base64.b64encode(bytes(64)).decode()}, "avatar.json is not what was signed"),
        ({"who": "me"}, "who: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_signature_is_said_so(keys: tuple[Path, Path], change: dict[str, object], message: str) -> None:
    content = json.loads(signature_of(FILES["avatar.json"], keys[0])) | change
    with pytest.raises(RenderError) as caught:
        Avatar.from_files(FILES | {SIGNATURE: json.dumps(content).encode()}, "one")
    assert message in str(caught.value)


def test_a_large_signature_is_refused(signed: Path) -> None:
    (signed / SIGNATURE).write_bytes(b" " * 2000)
    with pytest.raises(RenderError, match="signature.json is larger than 1024 bytes"):
        Avatar.load(signed)


def test_a_new_private_key_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    public = new_keys(tmp_path / "deep" / "me.pem")
    private = tmp_path / "deep" / "me.pem"
    assert public == tmp_path / "deep" / "me.public.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    before = private.read_bytes()
    with pytest.raises(RenderError, match=r"me.pem: there is a file already, and keys are never overwritten"):
        new_keys(private)
    private.unlink()
    with pytest.raises(RenderError, match=r"me.public.pem: there is a file already"):
        new_keys(private)
    assert not private.exists()
    assert b"PRIVATE KEY" in before
    assert b"PRIVATE" not in public.read_bytes()


def test_other_keys_are_refused(keys: tuple[Path, Path], tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import x25519
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    def written(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = serialization.BestAvailableEncryption(b"secret")
    other = x25519.X25519PrivateKey.generate()
    other_public = other.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    for file, message in (
        (tmp_path / "nowhere.pem", "nowhere.pem: the key can't be read"),
        (written("text.pem", b"hello"), "no private key in PEM"),
        (keys[1], "no private key in PEM"),
        (written("x.pem", other.private_bytes(pem, pkcs8, serialization.NoEncryption())), "another kind than Ed25519"),
        (written("pw.pem", Ed25519PrivateKey.generate().private_bytes(pem, pkcs8, secret)), "under a password"),
    ):
        with pytest.raises(RenderError, match=message):
            signature_of(b"", file)
    for file, message in (
        (tmp_path / "nowhere.pem", "nowhere.pem: the key can't be read"),
        (written("text.pem", b"hello"), "no public key in PEM"),
        (keys[0], "a private key, which only its owner should have"),
        (written("xp.pem", other_public), "another kind than Ed25519"),
    ):
        with pytest.raises(RenderError, match=message):
            check_signature(FILES, "one", file)


def test_openssl_alone_can_check_it(signed: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(base64.b64decode(json.loads((signed / SIGNATURE).read_text())["signature"]))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(keys[1]), "-rawin"]
    files = ["-in", str(signed / "avatar.json"), "-sigfile", str(tmp_path / "raw")]
    try:
        done = subprocess.run(command + files, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert "Verified Successfully" in done.stdout, done.stderr


def test_without_cryptography_unsigned_avatars_load_and_signed_ones_say_what_to_install(
    signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "src.render.signing_keys", raising=False)
    monkeypatch.delattr(importlib.import_module("src.render"), "signing_keys", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    drawn_avatar().save(tmp_path / "two")
    assert Avatar.load(tmp_path / "two").name == "drawn"
    with pytest.raises(RenderError, match=r'one: the avatar is signed. Checking that needs .*"audio2motion\[sign\]"'):
        Avatar.load(signed)
    with pytest.raises(RenderError, match="Signing an avatar needs the package cryptography"):
        sign_avatar(tmp_path / "two", tmp_path / "key.pem")
