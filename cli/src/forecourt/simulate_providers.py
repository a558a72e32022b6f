"""The payment providers of a local stack: what goes wrong at them, and what a payer does on the phone."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

import aiohttp

from forecourt import service_commands
from local_stack.config import Config, StackError
from local_stack.services import SERVICE_BY_NAME
from simulators.faults import Faults

TIMEOUT = aiohttp.ClientTimeout(total=10.0)
SERVICE, MODULE = "payments", "payments.commands"


class Provider(StrEnum):
    """Who moves the money."""

    WECHAT = "wechat"
    ALIPAY = "alipay"

    @property
    def controls(self) -> str:
        """Where its controls are."""
        return f"/control/{self}-pay"


class Providers:
    """The controls of the simulated providers. Every method raises StackError."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def faults(self, provider: Provider) -> dict[str, Any]:
        """What goes wrong, and how often each fault has struck."""
        return await self._ask("GET", f"{provider.controls}/faults")

    async def set_faults(self, provider: Provider, faults: Faults) -> None:
        """Replaces what goes wrong."""
        document = faults.model_dump(mode="json", exclude_unset=True)
        await self._ask("PUT", f"{provider.controls}/faults", document)

    async def set_pace(self, provider: Provider, speed: float) -> None:
        """Compresses the schedule of notifications."""
        await self._ask("PUT", f"{provider.controls}/pace", {"speed": speed})

    async def trades(self, provider: Provider) -> list[dict[str, Any]]:
        """The truth: every trade, what was charged and what went back, in fen; the newest last."""
        return await self._ask("GET", f"{provider.controls}/trades")

    async def sums(self, provider: Provider) -> dict[str, Any]:
        """How many trades there are, and what was really charged and given back, in fen."""
        trades = await self.trades(provider)
        return {
            "trades": len(trades), "charged_minor": sum(one["paid"] for one in trades),
            "refunded_minor": sum(one["refunded"] for one in trades),
        }  # fmt: skip

    async def pay(self, provider: Provider, name: Mapping[str, str], *, decline: bool, late: bool) -> dict[str, Any]:
        """The payer confirms the trade with this name, or declines."""
        payment = {**name, "decline": decline, "late": late}
        return await self._ask("POST", f"{provider.controls}/payments", payment)

    async def _ask(self, method: str, path: str, document: Any = None) -> Any:
        try:
            async with self._session.request(method, path, json=document) as response:
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StackError(f"the simulators do not answer ({error}): start them with `./forecourt up`") from error
        if response.status >= 400:
            raise StackError(f"the provider says {_words(answer)}")
        return answer


@asynccontextmanager
async def providers(config: Config) -> AsyncIterator[Providers]:
    """The providers of a stack."""
    url = SERVICE_BY_NAME["simulators"].url(config)
    async with aiohttp.ClientSession(url, timeout=TIMEOUT) as session:
        yield Providers(session)


def trade_on_the_phone(client: Mapping[str, str]) -> tuple[Provider, Mapping[str, str]]:
    """What a payer's phone is asked to confirm, by what the app was given for it."""
    if "tradeNO" in client:
        return Provider.ALIPAY, {"trade_no": client["tradeNO"]}
    return Provider.WECHAT, {"prepay_id": client["package"]}


def faults_of(named: Iterable[str], base: Mapping[str, Any]) -> Faults:
    """The faults that `name=value` texts say, on top of others. Raises ValueError, which says what is wrong."""
    given: dict[str, Any] = dict(base)
    for text in named:
        name, is_given, value = text.partition("=")
        if name not in Faults.model_fields or name in ("only", "times", "seed"):
            known = ", ".join(known for known in Faults.model_fields if known not in ("only", "times", "seed"))
            raise ValueError(f"there is no fault {name!r}; choose of {known}")
        given[name] = value if is_given else 1
    try:
        return Faults.model_validate(given)
    except ValueError as error:
        raise ValueError(f"{'; '.join(_wrong(error))}: a fault strikes from 0 (never) to 1 (always)") from error


def trade_named(config: Config, what: str) -> tuple[tuple[Provider, Mapping[str, str]], ...]:
    """Where to look for what a person calls a payment: an order or recharge, a prepay_id, a trade_no, our number."""
    if what.count("-") == 4:
        return (_of_purpose(config, what),)
    name = what.removeprefix("prepay_id=")
    if name.startswith("wx"):
        return ((Provider.WECHAT, {"prepay_id": name}),)
    if name.isdigit():
        return ((Provider.ALIPAY, {"trade_no": name}),)
    return tuple((provider, {"out_trade_no": name}) for provider in Provider)


def _of_purpose(config: Config, purpose_id: str) -> tuple[Provider, Mapping[str, str]]:
    """The newest charge for an order or a recharge, as payments knows it."""
    result = service_commands.run(config, SERVICE, MODULE, "charges", purpose_id, "--json")
    if result.returncode != 0:
        raise StackError(f"payments cannot say: {result.stderr.strip().removeprefix('error: ')}")
    charges = json.loads(result.stdout)
    if not charges:
        raise StackError(f"nothing waits to be paid for {purpose_id}: POST /v1/orders/{purpose_id}/pay comes first")
    return Provider(charges[0]["provider"]), {"out_trade_no": charges[0]["number"]}


def _words(answer: Any) -> str:
    known = answer if isinstance(answer, dict) else {}
    return f"{known.get('code', 'no')}: {known.get('message') or known.get('detail') or answer}"


def _wrong(error: ValueError) -> Iterable[str]:
    errors = error.errors() if hasattr(error, "errors") else []  # pyright: ignore[reportAttributeAccessIssue]
    return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in errors]
