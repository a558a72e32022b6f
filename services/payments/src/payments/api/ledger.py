"""The books of stations, for those who may read them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from payments.api.context import payments_of
from payments.domain.books import Line, Statement
from payments.domain.ledger import Account, Balance
from payments.http_models import ledger as models
from payments.repository.books import Before
from payments.use_cases import ledger as use_cases
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, encode_cursor
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/ledger/accounts", tags=["finance"])

Reader = Annotated[Principal, Requires(Permission.FINANCE)]
AccountId = Annotated[UUID, Path(examples=[models.ACCOUNT])]
StationId = Annotated[UUID, Query(examples=[models.STATION])]


@router.get(
    "", summary="List a station's ledger accounts", response_model=models.LedgerAccounts,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def list_ledger_accounts(request: Request, reader: Reader, station_id: StationId) -> models.LedgerAccounts:
    """The accounts of one of your stations, one for each currency, with what they hold now."""
    found = await use_cases.list_station_accounts(payments_of(request), reader, station_id)
    return models.LedgerAccounts(accounts=[models.LedgerAccount(**_fields(*one)) for one in found])


@router.get(
    "/{account_id}", summary="Read a ledger account's statement", response_model=models.LedgerStatement,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def get_ledger_account(
    request: Request, account_id: AccountId, reader: Reader, cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> models.LedgerStatement:  # fmt: skip
    """Every posting to one of your stations' accounts, the newest first, with the balance that each left."""
    before = decode_cursor(cursor, Before) if cursor is not None else None
    return _shown(
        await use_cases.read_station_statement(payments_of(request), reader, account_id, before, limit + 1), limit
    )


def _shown(statement: Statement, limit: int) -> models.LedgerStatement:
    lines, rest = statement.lines[:limit], statement.lines[limit:]
    return models.LedgerStatement(
        **_fields(statement.account, statement.balance),
        lines=[models.LedgerLine.model_validate(line) for line in lines],
        next_cursor=encode_cursor(_place(lines[-1])) if rest else None,
    )


def _place(line: Line) -> Before:
    return line.posting_id, line.balance_minor - line.amount_minor


def _fields(account: Account, balance: Balance) -> dict[str, Any]:
    return {
        "account_id": account.id, "station_id": account.owner, "currency": account.currency,
        "posted_minor": balance.posted_minor,
    }  # fmt: skip
