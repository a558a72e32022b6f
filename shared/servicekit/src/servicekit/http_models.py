"""What request and response models of services share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Amount = Annotated[int, Field(description="Minor units of the currency (fen, cents)", examples=[23_550])]
Operator = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$"), Field(examples=["demo-oil"])]
Limit = Annotated[int, Field(ge=1, le=100, description="Items of a page")]
_UNSEEN = "\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
LINE_PATTERN = f"^[^{_UNSEEN}]+$"
"""A line of text without what is not seen, or turns the direction of what follows."""
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=LINE_PATTERN)]


class Model(BaseModel):
    """The base of what comes in: fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """The base of what goes out."""

    model_config = ConfigDict(from_attributes=True)
