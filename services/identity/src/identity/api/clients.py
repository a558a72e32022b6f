"""Machine clients of operators and stations, managed by their staff."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response

from identity.api.context import identity_of
from identity.api.refusals import refusals
from identity.domain.clients import Client, ClientSpec
from identity.http_models import clients as models
from identity.use_cases import station_clients as use_cases
from identity.use_cases.accounts import user_id_of
from identity.use_cases.clients import NewSecret
from identity.use_cases.context import Identity
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.idempotency import IdempotentRequest, Reply, once, require_key
from servicekit.keyring import KeyRingError
from servicekit.postgres import Connection
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1/clients", tags=["clients"])

Reader = Annotated[Principal, Requires(Permission.CLIENTS_READ)]
Manager = Annotated[Principal, Requires(Permission.CLIENTS_MANAGE)]
ClientId = Annotated[UUID, Path(examples=[models.USER_ID])]
IdempotencyKey = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["till-7"])
]
Make = Callable[[Connection], Awaitable[NewSecret]]


@router.get(
    "", summary="List machine clients", response_model=models.ClientPage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_clients(
    request: Request, reader: Reader, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> models.ClientPage:
    """The machine clients of your operators and stations, revoked ones too."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    user_id_of(reader)
    found = await use_cases.list_station_clients(identity_of(request), reader, before, limit + 1)
    return models.ClientPage(
        clients=[_shown(client) for client in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.id),
    )


@router.post(
    "", status_code=201, summary="Make a machine client", response_model=models.ClientWithSecret,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503),
)  # fmt: skip
async def make_client(
    request: Request, body: models.NewClient, manager: Manager, idempotency_key: IdempotencyKey = None
) -> Response:
    """A station system that gets tokens by itself, for no more than you may do yourself, and for prices."""
    identity = identity_of(request)
    asked = await _asked(request, manager, "POST /v1/clients", idempotency_key)
    with refusals():
        spec = ClientSpec(body.name, tuple(body.scopes), tuple(body.operators), tuple(body.station_ids))
        return await _secret_once(
            identity, asked, lambda tx: use_cases.make_station_client(identity, tx, manager, spec)
        )  # fmt: skip


@router.delete(
    "/{client_id}", status_code=204, response_class=Response, summary="Revoke a machine client",
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def revoke_client(request: Request, client_id: ClientId, manager: Manager) -> None:
    """Ends a client for ever; its tokens end within seconds, everywhere."""
    user_id_of(manager)
    await use_cases.revoke_station_client(identity_of(request), manager, client_id)


@router.post(
    "/{client_id}/secrets", status_code=201, summary="Rotate a machine client's secret",
    response_model=models.ClientWithSecret, responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def rotate_client_secret(
    request: Request, client_id: ClientId, body: models.Rotation, manager: Manager,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """A second secret; the one from before stays good for a while, so that the system can be given the new one."""
    identity, overlap = identity_of(request), timedelta(seconds=body.overlap_seconds)
    asked = await _asked(request, manager, f"POST /v1/clients/{client_id}/secrets", idempotency_key)
    return await _secret_once(
        identity, asked, lambda tx: use_cases.give_second_secret(identity, tx, manager, client_id, overlap)
    )


async def _asked(request: Request, principal: Principal, route: str, key: str | None) -> IdempotentRequest:
    caller = str(user_id_of(principal))
    return IdempotentRequest(caller, route, require_key(key), await request.body())


async def _secret_once(identity: Identity, asked: IdempotentRequest, make: Make) -> Response:
    """The reply with the secret, the same one again for the same key; it is kept in the caller's box.

    Problem 409 where the box does not open it.
    """
    context = f"reply|{asked.caller}|{asked.route}|{asked.key}"

    async def work(tx: Connection) -> tuple[int, str]:
        box = await identity.vault.box(tx, asked.caller)

        async def effect() -> Reply:
            made = await make(tx)
            body = models.ClientWithSecret(**_fields(made.client), client_secret=made.secret)
            return Reply(201, box.seal(body.model_dump_json(), context))

        reply = await once(tx, asked, effect)
        return reply.status, box.open(reply.body, context)

    try:
        status, body = await identity.store.transact(work)
    except KeyRingError as error:
        raise Problem(409, "reply-gone", "That was done before, and its secret is shown no more: rotate it.") from error
    return Response(body, status, media_type="application/json", headers={"Cache-Control": "no-store"})


def _shown(client: Client) -> models.Client:
    return models.Client(**_fields(client))


def _fields(client: Client) -> dict[str, Any]:
    spec = client.spec
    return {
        "client_id": client.id, "name": spec.name, "scopes": list(spec.scopes), "operators": list(spec.operators),
        "station_ids": list(spec.stations), "created_at": client.created_at, "revoked_at": client.revoked_at,
    }  # fmt: skip
