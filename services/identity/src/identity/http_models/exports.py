"""What the routes of exports give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from identity.domain.exports import KEPT_FOR, ExportStatus
from identity.http_models.me import Shown
from schemas.base import Moment


class Export(Shown):
    """An export of all that is known of a person."""

    export_id: UUID
    status: Annotated[ExportStatus, Field(examples=[ExportStatus.READY])]
    requested_at: Moment
    waits_for: Annotated[
        list[str], Field(description="Services that could not be asked yet; they are asked again", examples=[[]])
    ]
    expires_at: Annotated[Moment | None, Field(description=f"The archive is kept for {KEPT_FOR.days} days")]
    archive_url: Annotated[
        str | None, Field(description="Where the archive is, once it is ready", examples=["/v1/me/export/0193/archive"])
    ]
