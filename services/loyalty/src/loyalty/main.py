"""The only wiring of the loyalty service."""

from functools import partial
from types import ModuleType

from fastapi import FastAPI

from loyalty.api import (
    campaign_plans,
    campaigns,
    claims,
    coupon_templates,
    coupons,
    earning_rules,
    flags,
    gift_desk,
    gift_orders,
    gifts,
    points,
    quotes,
    referrals,
    reservations,
    simulations,
    stamp_cards,
    tiers,
)
from loyalty.consumer import subscriptions
from loyalty.settings import Settings
from loyalty.use_cases import coupon_work, reservation_work
from loyalty.use_cases.batches import lock_all
from loyalty.use_cases.campaign_work import CARRY_ON_SECONDS, carry_on_due
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.expiring import EXPIRE_SECONDS, WARN_SECONDS, expire_points, warn_drivers
from loyalty.use_cases.people import PeopleData
from loyalty.use_cases.reward_work import start_reward_work
from loyalty.use_cases.tiers import REVIEW_SECONDS, review_tiers
from servicekit import personal_data
from servicekit.app import Kit, build_app
from servicekit.consumer import Consumer
from servicekit.outbox import Relay
from servicekit.personal_data import PeopleDesk
from servicekit.postgres import PostgresStore
from servicekit.repeating import repeat

AREAS: tuple[ModuleType, ...] = (
    personal_data, points, campaigns, campaign_plans, simulations,
    coupon_templates, coupons, claims, tiers, earning_rules, referrals, flags,
    gifts, gift_orders, gift_desk, stamp_cards,
    reservations, quotes,
)  # fmt: skip


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; settings come from the environment unless a test gives them."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: PostgresStore.connect(chosen))
        kit.app.state.loyalty = loyalty = Loyalty(chosen, store)
        kit.ready_when("postgres", store.check)
        kit.run_relay(Relay(chosen, store))
        kit.app.state.people_desk = people = PeopleDesk(chosen.service, PeopleData(loyalty), loyalty.erasures)
        wanted = {**subscriptions(loyalty), **people.subscriptions}
        kit.run_consumer(Consumer(chosen, store, wanted, kit.app.state.verifier, partial(lock_all, loyalty)))
        kit.watch_revocations()
        kit.background("campaigns", loyalty.campaigns.run)
        kit.background("campaign_times", lambda: repeat(lambda: carry_on_due(store), CARRY_ON_SECONDS))
        kit.background("coupons", lambda: repeat(lambda: coupon_work.expire(loyalty), coupon_work.EXPIRE_SECONDS))
        kit.background("codes", lambda: repeat(lambda: coupon_work.forget(loyalty), coupon_work.FORGET_SECONDS))
        expire_reservations = partial(reservation_work.carry_on, loyalty)
        kit.background("reservations", lambda: repeat(expire_reservations, reservation_work.EXPIRE_SECONDS))
        start_reward_work(loyalty, kit.background)
        kit.background("earning", loyalty.earning.run)
        kit.background("expiry", lambda: repeat(lambda: expire_points(loyalty), EXPIRE_SECONDS))
        kit.background("warnings", lambda: repeat(lambda: warn_drivers(loyalty), WARN_SECONDS))
        kit.background("tiers", lambda: repeat(lambda: review_tiers(loyalty), REVIEW_SECONDS))

    return build_app(
        chosen, title="Loyalty", description="Points, tiers, campaigns, coupons and gifts.",
        start=start, routers=[area.router for area in AREAS],
    )  # fmt: skip
