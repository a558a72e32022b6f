"""What the routes that register and change a single station take."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from stations.domain.profile import StationRow
from stations.http_models.base import Model, Operator


class NewStation(StationRow):
    """A station that is not known yet: its operator, and what a row of an import says."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "operator": "tankerkoenig", "external_id": "4711", "name": "Example Alex", "brand": "Example",
        "address": {"street": "Karl-Marx-Allee", "house_number": "1", "post_code": "10178", "city": "Berlin"},
        "country": "DE", "region": "DE-BE", "time_zone": "Europe/Berlin", "currency": "EUR", "lat": 52.5219,
        "lon": 13.4132, "fuels": ["e5", "e10", "diesel_b7"],
        "opening_hours": {"weekly": [{"days": ["mon", "tue", "wed"], "opens": "06:00", "closes": "22:00"}]},
        "facilities": ["shop"], "pumps": [{"pump_id": "1", "fuels": ["e5"]}],
    }]})  # fmt: skip

    operator: Operator

    def row(self) -> StationRow:
        """What an import would have said."""
        return StationRow.model_validate(self.model_dump(by_alias=True, exclude={"operator"}))


class _Patch(Model):
    """Beside the fields of an import's row, all but its id."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"brand": "Example", "address": {"city": "Berlin"}}]})

    version: Annotated[
        int | None, Field(ge=1, description="The version that you read; if the station changed since, nothing happens")
    ] = None

    def changes(self) -> dict[str, Any]:
        """The fields that were given, as JSON values."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"version"})


def _optional(field: FieldInfo) -> Any:
    """The field as in an import, but one may leave it out or remove it."""
    kind: Any = Annotated[(field.annotation, *field.metadata, Field())]
    return kind | None, Field(default=None, description=field.description, examples=field.examples)


_CHANGEABLE = {name: _optional(field) for name, field in StationRow.model_fields.items() if name != "external_id"}
_Fields: type[_Patch] = create_model("_Fields", __base__=_Patch, **_CHANGEABLE)


class StationPatch(_Fields):
    """What changes of a station: a field that is absent stays, null removes what may be unknown."""
