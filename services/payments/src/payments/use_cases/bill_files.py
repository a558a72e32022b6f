"""A bill as a file."""

from payments.domain.bill_tables import bill_rows
from payments.domain.bill_view import view_of
from payments.domain.bill_words import WORDS
from payments.domain.bills import Bill
from payments.use_cases.context import Payments
from servicekit.csv_text import csv_bytes

TEMPLATE = "bill"


def csv_file(bill: Bill, language: str) -> bytes:
    """The bill for spreadsheets."""
    return csv_bytes(bill_rows(bill, WORDS[language]))


async def pdf_file(payments: Payments, bill: Bill, driver_id: str, language: str) -> bytes:
    """The bill to keep. Raises Problem 503 where too many are asked for at once."""
    return await payments.typesetter.pdf(TEMPLATE, view_of(bill, f"…{driver_id[-6:]}", language))
