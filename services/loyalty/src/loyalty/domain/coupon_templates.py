"""Which terms of a coupon make sense, and what may be changed of them once coupons are out. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from loyalty.domain import campaigns
from loyalty.domain.campaigns import Fault
from loyalty.domain.coupons import Template
from loyalty.domain.terms import AtCounter, Campaign, Status


def as_campaign(template: Template) -> Campaign:
    """What a campaign with the same terms would be: what makes sense there does here."""
    return Campaign(
        str(template.template_id), template.version, Status.DRAFT, template.operator, template.name, template.benefit,
        template.scope, template.stacking, template.currency, template.created_at, template.ends_at,
    )  # fmt: skip


def faults(template: Template, now: datetime) -> list[Fault]:
    """All that is wrong with the terms by themselves."""
    return [*campaigns.faults(as_campaign(template), now), *_faults_of_counts(template)]


def _faults_of_counts(template: Template) -> Iterator[Fault]:
    if template.most_issued and template.per_driver and template.per_driver > template.most_issued:
        yield Fault("/per_driver", "is more than there are in all")
    if isinstance(template.benefit, AtCounter) and template.scope.methods is not None:
        yield Fault("/scope/methods", "cannot be known where nothing is paid; leave it out")


class Fixed(Exception):
    """What was asked for would take something from drivers, or undo an end; the text says what."""


def changed(template: Template, change: Mapping[str, Any], now: datetime) -> Template:
    """The template with another name, description or more coupons, or stopped. Raises Fixed."""
    fields = dict(change)
    stop = fields.pop("stopped", None)
    after = replace(template, **fields)
    if stop is False and template.stopped_at is not None:
        raise Fixed("What was stopped stays so: somebody may have been told. Make a new template.")
    if stop and template.stopped_at is None:
        after = replace(after, stopped_at=now)
    if after.most_issued is not None and (template.most_issued is None or after.most_issued < template.most_issued):
        raise Fixed("There can be more coupons than before, not fewer; stop the template to issue no more.")
    return after if after == template else replace(after, version=template.version + 1)
