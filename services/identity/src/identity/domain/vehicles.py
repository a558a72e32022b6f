"""A driver's vehicles: number plates, and which one is the default; no I/O."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from schemas.vocabulary import Fuel

MAX_VEHICLES = 20
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_CHINESE = re.compile(
    rf"[{_PROVINCES}][A-Z](?:"
    r"[A-HJ-NP-Z0-9]{5}"  # GA 36-2018: ordinary plates, without I and O
    r"|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}"  # new energy, small
    r"|[0-9]{5}[A-HJK]"  # new energy, large
    r"|[A-HJ-NP-Z0-9]{4}[挂学警港澳领]"  # trailers, learners, police, Hong Kong and Macau, consulates
    r")|使[0-9]{6}"  # embassies
)
_ANYWHERE = re.compile(r"[^\W_](?:[-.]?[^\W_]){0,11}")
_CHINESE_GAPS = re.compile(r"[\s·•.-]+")
_GAPS = re.compile(r"\s+")


class Reason(Enum):
    """Why a vehicle cannot be kept as asked."""

    BAD_PLATE = auto()
    EXISTS = auto()
    TOO_MANY = auto()
    NO_DEFAULT = auto()


class VehicleError(ValueError):
    """A vehicle cannot be kept as asked; the text says what to do without repeating the plate."""

    def __init__(self, reason: Reason, text: str, vehicle_id: UUID | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.vehicle_id = vehicle_id


@dataclass(frozen=True, slots=True)
class Details:
    """What a driver says of a vehicle: personal data, all of it."""

    plate: str
    country: str
    name: str | None = None
    fuel: Fuel | None = None
    tank_ml: int | None = None
    consumption_ml_per_100km: int | None = None


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle of somebody's."""

    id: UUID
    details: Details
    is_default: bool
    created_at: datetime


def plate_of(text: str, country: str) -> str:
    """The plate in the one form it is kept in: upper case, no gaps. Raises VehicleError where it is no plate."""
    folded = unicodedata.normalize("NFKC", text).upper()
    if country == "CN":
        plate, pattern = _CHINESE_GAPS.sub("", folded), _CHINESE
    else:
        plate, pattern = _GAPS.sub("", folded), _ANYWHERE
    if not pattern.fullmatch(plate):
        wanted = "e.g. 京A12345 or, new energy, 京AD12345" if country == "CN" else "1 to 12 letters and digits"
        raise VehicleError(Reason.BAD_PLATE, f"This is no number plate of {country}: send {wanted}.")
    return plate


def added(vehicles: Sequence[Vehicle], new: Vehicle) -> list[Vehicle]:
    """All of them with the new one, which is the default where it says so or is the first.

    Raises VehicleError where there are too many, or one has the plate.
    """
    if len(vehicles) >= MAX_VEHICLES:
        raise VehicleError(Reason.TOO_MANY, f"You have {MAX_VEHICLES} vehicles; remove one first.")
    _require_free(vehicles, new)
    return _with_default([*vehicles, new], new.id if new.is_default or not vehicles else None)


def changed(vehicles: Sequence[Vehicle], vehicle_id: UUID, details: Details, is_default: bool | None) -> list[Vehicle]:
    """All of them, one changed. Raises VehicleError; it must be one of them.

    The default stays one until another is made it.
    """
    old = next(one for one in vehicles if one.id == vehicle_id)
    if old.is_default and is_default is False:
        raise VehicleError(Reason.NO_DEFAULT, "One vehicle is the default: make another one the default instead.")
    new = replace(old, details=details)
    others = [one for one in vehicles if one.id != vehicle_id]
    _require_free(others, new)
    everything = [new if one.id == vehicle_id else one for one in vehicles]
    return _with_default(everything, vehicle_id if is_default else None)


def removed(vehicles: Sequence[Vehicle], vehicle_id: UUID) -> list[Vehicle]:
    """The others; where the default went the one that was added last is it."""
    left = [one for one in vehicles if one.id != vehicle_id]
    if not left or any(one.is_default for one in left):
        return left
    return _with_default(left, max(left, key=lambda one: (one.created_at, one.id)).id)


def joined(vehicles: Sequence[Vehicle], others: Sequence[Vehicle]) -> list[Vehicle]:
    """Those of two accounts that become one: the first's default stays, a plate that both have is kept once.

    More than MAX_VEHICLES may come together: nothing is lost, and no further one can be added.
    """
    known = {(one.details.country, one.details.plate) for one in vehicles}
    coming = [one for one in others if (one.details.country, one.details.plate) not in known]
    if any(one.is_default for one in vehicles):
        coming = [replace(one, is_default=False) for one in coming]
    everything = [*vehicles, *coming]
    if everything and not any(one.is_default for one in everything):
        return _with_default(everything, everything[0].id)
    return everything


def same_plate(vehicles: Sequence[Vehicle], details: Details) -> Vehicle | None:
    """The vehicle with this plate."""
    wanted = (details.country, details.plate)
    return next((one for one in vehicles if (one.details.country, one.details.plate) == wanted), None)


def _require_free(vehicles: Sequence[Vehicle], new: Vehicle) -> None:
    if (other := same_plate(vehicles, new.details)) is not None:
        raise VehicleError(Reason.EXISTS, "You have a vehicle with this plate: change that one.", other.id)


def _with_default(vehicles: Sequence[Vehicle], default: UUID | None) -> list[Vehicle]:
    """With one default; None leaves it as it is."""
    if default is None:
        return list(vehicles)
    return [replace(one, is_default=one.id == default) for one in vehicles]
