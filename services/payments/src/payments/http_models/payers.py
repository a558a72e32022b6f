"""What the routes of a driver's payers take and give."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, WithJsonSchema

from payments.domain.provider_words import Provider
from servicekit.http_models import Model, Shown

Code = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[!-~]+$"),
    Field(description="What wx.login or my.getAuthCode gave the app; good once", examples=["0b3fXYZa1c2d3e4f"]),
]  # fmt: skip


ProviderName = Annotated[
    Provider, WithJsonSchema({"type": "string", "enum": [one.value for one in Provider], "examples": ["wechat"]})
]
"""Written out: the platform's document has another `Provider` already, of maps."""


class NewPayer(Model):
    """The code by which a provider names a payer."""

    code: Code


class Payer(Shown):
    """That a driver can pay by a provider."""

    provider: ProviderName
    bound_at: Annotated[datetime, Field(examples=["2026-11-25T08:00:00Z"])]


class Payers(Shown):
    """All of a driver's."""

    payers: list[Payer]
