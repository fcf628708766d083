"""Keys are made and avatars signed by the script; what was signed is unpacked for those who ask for its key."""

from pathlib import Path

import pytest

import scripts.sign_avatar
import scripts.unpack_avatar
from scripts.avatar_settings import load_avatar
from src.errors import ConfigError, RenderError
from src.render.avatar import Avatar
from tests.render.portraits import drawn_avatar
from tests.scripts.test_realtime import composed

pytest.importorskip("cryptography", reason="needs the extra `sign`")


def test_keys_a_signature_and_its_check(tmp_path: Path) -> None:
    drawn_avatar().save(tmp_path / "one")
    scripts.sign_avatar.main(composed("sign_avatar", f"new_key='{tmp_path / 'me.pem'}'"))
    scripts.sign_avatar.main(composed("sign_avatar", f"avatar='{tmp_path / 'one'}'", f"key='{tmp_path / 'me.pem'}'"))
    places = [f"avatar='{tmp_path / 'one'}'", f"out='{tmp_path / 'two'}'"]
    trusted = f"trusted_key='{tmp_path / 'me.public.pem'}'"
    scripts.unpack_avatar.main(composed("unpack_avatar", *places, trusted))
    assert Avatar.load(tmp_path / "two").files() == drawn_avatar().files()


@pytest.mark.parametrize("given", [[], ["avatar=one"], ["key=k"], ["avatar=one", "key=k", "new_key=n"]])
def test_half_a_command_says_what_is_missing(given: list[str]) -> None:
    with pytest.raises(ConfigError, match="give avatar=<folder or .avatar> and key=<private key>"):
        scripts.sign_avatar.main(composed("sign_avatar", *given))


def test_only_an_avatar_of_the_trusted_key_is_shown(tmp_path: Path) -> None:
    drawn_avatar().save(tmp_path / "one")
    scripts.sign_avatar.main(composed("sign_avatar", f"new_key='{tmp_path / 'me.pem'}'"))
    asked = [f"avatar='{tmp_path / 'one'}'", f"trusted_key='{tmp_path / 'me.public.pem'}'"]
    config = composed("render", *asked, "motion=there", "out=there.mp4")
    with pytest.raises(RenderError, match="the avatar is not signed"):
        load_avatar(config)
    scripts.sign_avatar.main(composed("sign_avatar", asked[0], f"key='{tmp_path / 'me.pem'}'"))
    assert load_avatar(config).files() == drawn_avatar().files()
