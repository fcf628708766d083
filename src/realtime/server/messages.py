"""The words of the socket between page and session. Everything from the page is checked here."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Offer(_Words):
    """A browser's WebRTC offer: media come over WebRTC, answered with `answer`."""

    type: Literal["offer"]
    sdp: str


class Stream(_Words):
    """Media shall come over this socket."""

    type: Literal["stream"]


class Say(_Words):
    """Speak a text."""

    type: Literal["say"]
    text: str


class Stop(_Words):
    """Interrupt: whatever is being said ends."""

    type: Literal["stop"]


class Microphone(_Words):
    """The microphone was switched; binary messages then carry s16le mono sound of this rate."""

    type: Literal["microphone"]
    on: bool
    sample_rate_hz: int = Field(default=48_000, ge=8_000, le=192_000)


class Played(_Words):
    """Which second of the timeline is heard, and up to which everything was received."""

    type: Literal["played"]
    position_s: float = Field(ge=0, allow_inf_nan=False)
    received_s: float = Field(ge=0, allow_inf_nan=False)
    restarted: bool = False


Message = Annotated[Offer | Stream | Say | Stop | Microphone | Played, Field(discriminator="type")]

MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
