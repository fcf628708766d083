from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.errors import RenderError
from src.motion import CORE7
from src.render.matting import filled_background
from src.render.mesh import MeshRenderer
from src.render.mesh.backdrop import BlurredBackdrop, ColouredBackdrop, OwnBackdrop, PictureBackdrop
from tests.render.portraits import drawn_avatar
from tests.render.test_matting import PERSON, SIDE, scene


def test_the_own_wall_gives_the_photo() -> None:
    image, matte = scene()
    layers = OwnBackdrop().layers(image, matte, filled_background(image, matte))
    out = np.zeros_like(image)
    layers.compose(layers.person, out, (0, 0, SIDE, SIDE))
    assert np.abs(out.astype(int) - image).max() <= 1


def test_a_colour_is_everywhere_behind() -> None:
    image, matte = scene()
    layers = ColouredBackdrop(colour=(0, 255, 0)).layers(image, matte, image)
    assert (layers.background == (0, 255, 0)).all()
    assert np.abs(layers.person[SIDE // 2, SIDE // 2, :3] - PERSON).max() <= 1


def test_a_blurred_wall_is_smoother() -> None:
    wall = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert BlurredBackdrop(radius=0.05).behind(wall).std() < 0.3 * wall.std()


def test_a_picture_covers_the_wall_and_keeps_its_proportions(tmp_path: Path) -> None:
    picture = np.zeros((40, 160, 3), np.uint8)
    picture[:, 60:100] = 255
    cv2.imwrite(str(tmp_path / "wide.png"), picture)
    behind = PictureBackdrop(path=tmp_path / "wide.png").behind(np.zeros((80, 80, 3), np.uint8))
    assert behind.shape == (80, 80, 3)
    assert behind[:, 4:76].min() > 200


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(RenderError, match="expected red, green and blue"):
        ColouredBackdrop(colour=(0, 256, 0))
    with pytest.raises(RenderError, match="blur radius 0"):
        BlurredBackdrop(radius=0)


def test_nothing_is_put_behind_a_picture_that_is_all_person() -> None:
    image, matte = scene()
    with pytest.raises(RenderError, match="set render/backdrop=own"):
        ColouredBackdrop(colour=(0, 255, 0)).layers(image, np.full_like(matte, 255), image)


def configured(*overrides: str) -> np.ndarray:
    """A turned head of the drawn face, by the renderer of the configuration."""
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        renderer: MeshRenderer = instantiate(compose("render", ["render.size=256", *overrides]).render)
    frame = CORE7.neutral.copy()
    frame[CORE7.index("head_yaw")] = 15
    return renderer.render(renderer.prepare(drawn_avatar()), frame)


def test_the_configuration_keeps_the_own_wall() -> None:
    plain = MeshRenderer(size=256, grid_step=4, iterations=10)
    frame = CORE7.neutral.copy()
    frame[CORE7.index("head_yaw")] = 15
    assert np.array_equal(configured(), plain.render(plain.prepare(drawn_avatar()), frame))


def test_the_configuration_blurs_the_wall() -> None:
    own, blurred = (image[:20, :40].astype(np.float32) for image in (configured(), configured("render/backdrop=blur")))
    assert np.abs(np.diff(blurred, axis=1)).mean() < 0.7 * np.abs(np.diff(own, axis=1)).mean()


def test_the_configuration_puts_green_behind() -> None:
    image = configured("render/backdrop=colour")
    assert (image[:20, :40] == (0, 255, 0)).all()
    assert (image[128, 128] != (0, 255, 0)).any()


def test_the_configuration_puts_a_picture_behind(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((64, 64, 3), (0, 0, 255), np.uint8))
    image = configured("render/backdrop=picture", f"render.backdrop.path='{tmp_path / 'red.png'}'")
    assert (image[:20, :40] == (255, 0, 0)).all()


def test_live_use_has_the_same_choice() -> None:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        config = compose("realtime", ["source=a.wav", "render.size=256", "render/backdrop=colour"])
    renderer: MeshRenderer = instantiate(config.render)
    image = renderer.render(renderer.prepare(drawn_avatar()), CORE7.neutral)
    assert (image[:20, :40] == (0, 255, 0)).all()
