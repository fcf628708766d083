"""What an avatar's own settings put behind the person."""

from src.render.avatar_settings import BlurredBackground, ColouredBackground, OwnBackground
from src.render.mesh.backdrop import Backdrop, BlurredBackdrop, ColouredBackdrop, OwnBackdrop


def backdrop_of(policy: OwnBackground | BlurredBackground | ColouredBackground | None) -> Backdrop:
    """The backdrop of a package's `background_policy`; without one the wall of the photo."""
    match policy:
        case BlurredBackground(radius=radius):
            return BlurredBackdrop(radius=radius)
        case ColouredBackground(colour=colour):
            return ColouredBackdrop(colour=colour)
        case _:
            return OwnBackdrop()


def packaged() -> None:
    """The choice `render/backdrop=package`: no backdrop of the configuration's own, so the renderer asks the avatar."""
