"""What request and response models share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_RADIUS_M = 50_000
Operator = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
SearchText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Limit = Annotated[int, Field(ge=1, le=100)]


class Model(BaseModel):
    """The base of all: fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid")
