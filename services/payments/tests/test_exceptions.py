"""Exceptions are raised once."""

from payments.domain.exceptions import Kind
from payments.use_cases.exceptions import raise_exception
from servicekit.ids import new_id

from .conftest import Payments


async def test_an_exception_is_raised_once(payments: Payments) -> None:
    station_id = new_id()
    for seen in ("first", "again"):
        await payments.store.transact(
            lambda tx, seen=seen: raise_exception(
                tx, Kind.MISMATCH, station_id=station_id, operator="o", key="mismatch|1", details={"seen": seen}
            )
        )
    (row,) = await payments.rows("SELECT * FROM exceptions")
    assert (row["kind"], row["station_id"], row["status"]) == ("mismatch", station_id, "open")
    assert row["details"] == '{"seen": "first"}'
    assert await payments.sql("SELECT count(*) FROM exception_steps") == 1
