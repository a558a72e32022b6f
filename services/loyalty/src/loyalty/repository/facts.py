"""All that the price of a fill hangs on, in one statement."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from loyalty.domain.terms import Benefit, Offer, Scope, Stacking
from servicekit.postgres import Connection

MOST_COUPONS = 50
"""Of one driver at once: first those of the station's operator, then those that end soonest."""


class Station(Struct, frozen=True):
    """A station, as far as prices go."""

    operator: str
    time_zone: str
    currency: str
    fuels: tuple[str, ...] | None
    """Grades sold; None where the operator does not declare them."""
    closed: bool


class PumpPrice(Struct, frozen=True):
    """What a grade costs there."""

    price_mills: int | None
    """None: no longer sold."""
    currency: str
    version: int
    effective_at: datetime


class HeldCoupon(Struct, frozen=True):
    """A coupon of the driver, with the terms of its template."""

    coupon_id: str
    status: str
    issued_at: datetime
    expires_at: datetime
    name: str
    operator: str
    benefit: Benefit
    scope: Scope
    stacking: Stacking
    currency: str | None

    @property
    def offer(self) -> Offer:
        """How it takes part in a price."""
        return Offer(
            self.coupon_id, "coupon", self.name, self.operator, self.benefit, self.scope, self.stacking, self.currency,
            self.issued_at, self.expires_at,
        )  # fmt: skip


class Use(Struct, frozen=True, array_like=True):
    """What is taken of a campaign, in all and by the driver. There may be hundreds, so they come without names."""

    used_minor: int = 0
    uses: int = 0
    own_uses: int = 0


class Facts(Struct, frozen=True):
    """What was found; `station` None: nobody registered it, `price` None: none was ever told."""

    station: Station | None
    price: PumpPrice | None
    tier: str
    points: int
    """That the driver may spend now."""
    coupons: list[HeldCoupon]
    uses: dict[str, Use]
    """By campaign; a campaign that is not in it was never used."""


_DECODER = msgspec.json.Decoder(Facts)
_FACTS = """
SELECT json_build_object(
    'station', (SELECT json_build_object('operator', s.operator, 'time_zone', s.time_zone, 'currency', s.currency,
                                         'fuels', s.fuels, 'closed', s.closed) WHERE s.station_id IS NOT NULL),
    'price', (SELECT json_build_object('price_mills', p.price_mills, 'currency', p.currency, 'version', p.version,
                                       'effective_at', p.effective_at)
              FROM prices p WHERE (p.station_id, p.fuel) = ($2, $3)),
    'tier', coalesce((SELECT m.tier FROM members m WHERE m.driver_id = $1), 'member'),
    'points', (SELECT greatest(0, least(
                   coalesce(sum(l.remaining - l.held) FILTER (WHERE l.expires_at > now()), 0),
                   coalesce(sum(l.remaining - l.held), 0)))
               FROM lots l
               WHERE l.driver_id = $1 AND (l.remaining <> 0 OR l.held <> 0 OR l.expires_at IS NULL)),
    'coupons', coalesce((
        SELECT json_agg(found) FROM (
            SELECT c.coupon_id, c.status, c.issued_at, c.expires_at, t.name, t.operator, t.benefit, t.scope, t.stacking,
                   t.currency
            FROM coupons c JOIN coupon_templates t USING (template_id)
            WHERE c.driver_id = $1 AND {coupons}
            ORDER BY (t.operator = s.operator) DESC, c.expires_at, c.coupon_id LIMIT $6
        ) AS found), '[]'),
    'uses', coalesce((
        SELECT json_object_agg(u.campaign_id, json_build_array(u.used_minor, u.uses, coalesce(d.uses, 0)))
        FROM campaigns c JOIN campaign_use u USING (campaign_id)
        LEFT JOIN campaign_drivers d ON (d.campaign_id, d.driver_id) = (c.campaign_id, $1)
        WHERE {campaigns}), '{{}}')
)::text
FROM (SELECT) AS always LEFT JOIN stations s ON s.station_id = $2"""
_COUPONS = {
    True: "c.coupon_id = ANY($5::uuid[])",
    False: "$5::uuid[] IS NULL AND c.status = 'active' AND c.expires_at > now()",
}
_CAMPAIGNS = {
    True: "c.campaign_id = ANY($4::uuid[])",
    False: """$4::uuid[] IS NULL AND c.operator = s.operator AND c.status IN ('scheduled', 'live')
              AND coalesce(c.budget_minor, c.most_uses, c.uses_per_driver) IS NOT NULL""",
}
_STATEMENTS = {
    (named, asked): _FACTS.format(campaigns=campaigns, coupons=coupons)
    for named, campaigns in _CAMPAIGNS.items() for asked, coupons in _COUPONS.items()
}  # fmt: skip
"""By whether the campaigns are named, and the coupons: each with a plan of its own."""


async def facts(
    tx: Connection, driver_id: str, station_id: UUID, fuel: str, campaign_ids: Sequence[UUID] | None,
    coupon_ids: Sequence[UUID] | None = None,
) -> Facts:  # fmt: skip
    """What the price of this fuel there hangs on, for this driver, who may be one that was never met.

    `campaign_ids` are those whose use is wanted; None: all of the station's operator that have a limit. `coupon_ids`
    are the driver's coupons that are wanted, whatever became of them; None: all that can be used.
    """
    statement = _STATEMENTS[campaign_ids is not None, coupon_ids is not None]
    (row,) = await tx.fetch(statement, driver_id, station_id, fuel, campaign_ids, coupon_ids, MOST_COUPONS)
    return _DECODER.decode(row[0])
