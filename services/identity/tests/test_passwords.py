"""Staff's sign-in on the real database: who gets in, who does not, and how often one may try."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from identity.domain.caller import Caller
from identity.domain.oauth import OAuthError
from identity.domain.passwords import ACCOUNT, ACCOUNT_ON_NETWORK, MAX_WRONG_CODES, NETWORK
from identity.use_cases import password_work, passwords
from identity.use_cases.password_work import PasswordWork
from identity.use_cases.passwords import METHODS, NOT_RIGHT, RUN_OUT, check_password, check_second_factor
from identity.use_cases.staff_commands import set_roles_of
from identity.use_cases.staff_tidying import tidy_staff
from servicekit.problems import Unavailable

from .conftest import Identity
from .staff_kit import HOME, PASSWORD, STRANGER, Staff, forget_steps, new_address, new_staff, role, sign_in

OWNER = role("owner", "aral")


async def refused(identity: Identity, email: str, password: str, code: str, caller: Caller = HOME) -> OAuthError:
    """The refusal of a sign-in."""
    with pytest.raises(OAuthError) as error:
        await sign_in(identity, email, password, code, caller)
    assert error.value.code == "invalid_grant"
    return error.value


async def fill(identity: Identity, tries: int) -> None:
    """Lets all that was counted be this many tries."""
    await identity.sql("UPDATE password_tries SET count = $1", tries)


def wrong_of(staff: Staff) -> str:
    """A code that is none of the ones that are good now."""
    good = {staff.code(steps) for steps in (-2, -1, 0, 1, 2)}
    return next(code for code in map("{:06}".format, range(10)) if code not in good)


async def test_password_and_code_sign_a_staff_member_in(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    signed_in = await sign_in(identity, f" {ada.email.upper()} ", PASSWORD, f"{ada.code()[:3]} {ada.code()[3:]}")
    assert (signed_in.user_id, signed_in.methods) == (ada.user_id, METHODS)


async def test_unknown_address_wrong_password_and_wrong_code_get_the_same_reply(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    tries = [
        (new_address(), PASSWORD, ada.code()),
        ("no address at all", PASSWORD, ada.code()),
        (ada.email, "another password", ada.code()),
        (ada.email, PASSWORD, wrong_of(ada)),
        (ada.email, PASSWORD, ""),
        (ada.email, PASSWORD, "MFRG-GZDF-MZTW-Q2LK"),
    ]
    assert {(await refused(identity, *one)).description for one in tries} == {NOT_RIGHT}


async def test_an_unknown_address_costs_the_same_work(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    ada, hashed = await new_staff(identity, OWNER), []
    real = passwords.check_hash

    def counted(password: str, stored: str) -> tuple[bool, str | None]:
        hashed.append(stored.split("$")[3])
        return real(password, stored)

    monkeypatch.setattr(passwords, "check_hash", counted)
    for email in (ada.email, new_address(), "none"):
        await check_password(identity.process, email, "not the password", HOME)
    assert len(hashed) == 3
    assert len(set(hashed)) == 1  # the same memory, passes and lanes


async def test_a_code_is_good_once(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    code = ada.code()
    await sign_in(identity, ada.email, PASSWORD, code)
    assert (await refused(identity, ada.email, PASSWORD, code)).description == NOT_RIGHT


async def test_a_code_is_good_for_one_of_two_at_once(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    steps = [await check_password(identity.process, ada.email, PASSWORD, HOME) for _ in range(2)]
    code = ada.code()
    outcomes = await asyncio.gather(
        *(check_second_factor(identity.process, step.id, code, HOME) for step in steps), return_exceptions=True
    )
    assert sorted(isinstance(one, OAuthError) for one in outcomes) == [False, True]


async def test_a_recovery_code_is_good_once(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    typed = ada.recovery_codes[3].lower().replace("-", " ")
    assert (await sign_in(identity, ada.email, PASSWORD, typed)).user_id == ada.user_id
    await refused(identity, ada.email, PASSWORD, typed)
    assert (await sign_in(identity, ada.email, PASSWORD, ada.recovery_codes[4])).user_id == ada.user_id
    assert await identity.sql("SELECT count(*) FROM recovery_codes WHERE user_id = $1", ada.user_id) == 8


async def test_somebody_elses_recovery_code_is_none(identity: Identity) -> None:
    ada, bob = await new_staff(identity, OWNER), await new_staff(identity, OWNER)
    await refused(identity, ada.email, PASSWORD, bob.recovery_codes[0])
    assert (await sign_in(identity, bob.email, PASSWORD, bob.recovery_codes[0])).user_id == bob.user_id


async def test_a_step_ends_after_a_few_wrong_codes_after_minutes_and_when_used(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    step = await check_password(identity.process, ada.email, PASSWORD, HOME)
    for expected in [NOT_RIGHT] * MAX_WRONG_CODES + [RUN_OUT]:
        with pytest.raises(OAuthError, match=expected):
            await check_second_factor(identity.process, step.id, wrong_of(ada), HOME)
    late = await check_password(identity.process, ada.email, PASSWORD, HOME)
    await identity.sql("UPDATE password_steps SET expires_at = now() - interval '1 s'")
    used = await check_password(identity.process, ada.email, PASSWORD, HOME)
    await check_second_factor(identity.process, used.id, ada.code(), HOME)
    await forget_steps(identity)
    for dead in (late.id, used.id, uuid4()):
        with pytest.raises(OAuthError, match=RUN_OUT):
            await check_second_factor(identity.process, dead, ada.code(), HOME)


async def test_a_step_with_a_wrong_password_looks_like_another(identity: Identity) -> None:
    decoy = await check_password(identity.process, new_address(), PASSWORD, HOME)
    for expected in [NOT_RIGHT] * MAX_WRONG_CODES + [RUN_OUT]:
        with pytest.raises(OAuthError, match=expected):
            await check_second_factor(identity.process, decoy.id, "123456", HOME)


async def test_who_has_no_role_any_more_is_refused_like_a_stranger(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    step = await check_password(identity.process, ada.email, PASSWORD, HOME)
    await set_roles_of(identity.process, ada.user_id, ())
    with pytest.raises(OAuthError, match=NOT_RIGHT):
        await check_second_factor(identity.process, step.id, ada.code(), HOME)
    await forget_steps(identity)
    assert (await refused(identity, ada.email, PASSWORD, ada.code())).description == NOT_RIGHT


async def test_wrong_tries_are_limited_alike_for_known_and_unknown(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    for email in (ada.email, new_address()):
        await refused(identity, email, "another password", "123456", STRANGER)
        await fill(identity, ACCOUNT_ON_NETWORK.tries)
        limited = await refused(identity, email, PASSWORD, ada.code(), STRANGER)
        assert limited.retry_after_seconds is not None
        assert 0 < limited.retry_after_seconds <= ACCOUNT_ON_NETWORK.window.total_seconds()
        await identity.sql("UPDATE password_tries SET ends_at = now()")  # the window ends
    assert (await sign_in(identity, ada.email, PASSWORD, ada.code(), STRANGER)).user_id == ada.user_id


async def test_codes_are_limited_over_many_steps(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    step = await check_password(identity.process, ada.email, PASSWORD, STRANGER)
    await fill(identity, ACCOUNT_ON_NETWORK.tries)
    with pytest.raises(OAuthError) as limited:
        await check_second_factor(identity.process, step.id, ada.code(), STRANGER)
    assert limited.value.retry_after_seconds


async def test_a_burst_does_not_get_past_the_count(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    await check_password(identity.process, ada.email, "wrong", STRANGER)
    await fill(identity, ACCOUNT_ON_NETWORK.tries - 2)
    burst = [check_password(identity.process, ada.email, f"wrong {number}", STRANGER) for number in range(8)]
    outcomes = await asyncio.gather(*burst, return_exceptions=True)
    assert sum(isinstance(one, OAuthError) for one in outcomes) == 6


async def test_strangers_cannot_keep_a_person_out(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    await sign_in(identity, ada.email, PASSWORD, ada.code(), HOME)
    await check_password(identity.process, ada.email, "wrong", STRANGER)
    await fill(identity, max(ACCOUNT.tries, NETWORK.tries))
    limited = await refused(identity, ada.email, PASSWORD, ada.code(), Caller("192.0.2.200"))
    assert limited.retry_after_seconds  # from everywhere else
    assert (await sign_in(identity, ada.email, PASSWORD, ada.code(1), HOME)).user_id == ada.user_id


async def test_a_network_is_limited_over_many_accounts(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    await check_password(identity.process, new_address(), "wrong", STRANGER)
    await fill(identity, NETWORK.tries)
    assert (await refused(identity, ada.email, PASSWORD, ada.code(), STRANGER)).retry_after_seconds
    assert (await sign_in(identity, ada.email, PASSWORD, ada.code(), HOME)).user_id == ada.user_id


async def test_a_sign_in_that_succeeds_costs_no_try(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    for _ in range(3):
        await forget_steps(identity)
        await sign_in(identity, ada.email, PASSWORD, ada.code(), HOME)
    assert await identity.sql("SELECT coalesce(sum(count), 0) FROM password_tries") == 0


async def test_a_hash_of_old_parameters_is_made_anew_at_the_next_sign_in(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    old = Argon2Hasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    await identity.sql("UPDATE credentials SET password_hash = $1", old)
    await sign_in(identity, ada.email, PASSWORD, ada.code())
    assert (await identity.sql("SELECT password_hash FROM credentials")).startswith("$argon2id$v=19$m=47104")


async def test_nothing_of_a_sign_in_is_stored_in_the_open(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    await check_password(identity.process, ada.email, PASSWORD, HOME)
    tables = ["credentials", "recovery_codes", "password_steps", "password_tries", "familiar_networks", "logins"]
    secrets = [ada.email, ada.secret, PASSWORD, "canary-ada", HOME.address, *ada.recovery_codes]
    for table in tables:
        text = await identity.sql(f"SELECT coalesce(string_agg(t::text, ''), '') FROM {table} t")  # noqa: S608
        for secret in secrets:
            assert secret not in text
            assert secret.encode().hex() not in text


async def test_what_has_run_out_is_deleted(identity: Identity) -> None:
    ada = await new_staff(identity, OWNER)
    await sign_in(identity, ada.email, PASSWORD, ada.code())
    await check_password(identity.process, ada.email, PASSWORD, STRANGER)
    now = await identity.sql("SELECT now()")
    await tidy_staff(identity.process, now)
    assert await identity.sql("SELECT count(*) FROM password_steps") == 1
    await tidy_staff(identity.process, now + timedelta(days=91))
    for table in ("password_steps", "password_tries", "familiar_networks"):
        assert await identity.sql(f"SELECT count(*) FROM {table}") == 0  # noqa: S608


async def test_too_many_passwords_at_once_are_refused_not_queued_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_work, "MAX_WAITING", 1)
    work, go = PasswordWork(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> bool:
        return asyncio.run_coroutine_threadsafe(go.wait(), loop).result(10)

    running = [asyncio.create_task(work.run(wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await work.run(wait)
    go.set()
    assert await asyncio.gather(*running) == [True] * 3
    assert await work.run(lambda: 7) == 7
