"""Boxes of latitude and longitude."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """Degrees; where `west` is greater than `east` the box crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether it lies on both sides of the 180th meridian."""
        return self.west > self.east
