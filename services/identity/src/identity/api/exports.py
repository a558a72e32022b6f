"""All that the suite knows of a person, as one archive."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from identity.api.context import identity_of
from identity.domain.exports import Export, ExportStatus
from identity.http_models import exports as models
from identity.use_cases import exports as use_cases
from identity.use_cases.accounts import hold_account, user_id_of
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me/export", tags=["account"])

Person = Annotated[Principal, Requires(Permission.ACCOUNT)]
JustSignedIn = Annotated[Principal, Requires(Permission.ACCOUNT_SECURE)]
ZIP = "application/zip"
ARCHIVE = {
    200: {
        "description": "A ZIP file with a JSON file of each service",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary", "examples": ["PK"]}}},
    }
}
PRIVATE = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="forecourt-my-data.zip"'}


@router.post(
    "", status_code=202, summary="Ask for all your data", response_model=models.Export,
    responses=problem_responses(401, 403, 503),
)  # fmt: skip
async def request_export(request: Request, person: JustSignedIn) -> models.Export:
    """Collects what every service knows of you; it takes moments, or longer where a service is away.

    While one is being collected the same one comes back. A new archive takes the place of the one before.
    """
    identity, user_id = identity_of(request), user_id_of(person)
    return _shown(await identity.store.transact(lambda tx: use_cases.request_export(identity, tx, user_id)))


@router.get(
    "/{export_id}", summary="See whether your data is collected", response_model=models.Export,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_export(request: Request, export_id: UUID, person: Person) -> models.Export:
    """`collecting`, then `ready`; `failed` where a service could not be asked for a day: ask for it anew."""
    user_id = user_id_of(person)

    async def read(tx: Connection) -> Export:
        await hold_account(tx, user_id)
        return await use_cases.read_export(tx, user_id, export_id)

    return _shown(await identity_of(request).store.transact(read))


@router.get(
    "/{export_id}/archive", summary="Download your data", response_class=Response,
    responses=ARCHIVE | problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def get_archive(request: Request, export_id: UUID, person: JustSignedIn) -> Response:
    """The archive: a JSON file of each service, and what is what in English and Chinese."""
    archive = await use_cases.read_archive(identity_of(request), user_id_of(person), export_id)
    return Response(archive, media_type=ZIP, headers=PRIVATE)


def _shown(export: Export) -> models.Export:
    url = f"/v1/me/export/{export.id}/archive" if export.status is ExportStatus.READY else None
    return models.Export(
        export_id=export.id, status=export.status, requested_at=export.requested_at, expires_at=export.expires_at,
        waits_for=list(export.waits_for), archive_url=url,
    )  # fmt: skip
