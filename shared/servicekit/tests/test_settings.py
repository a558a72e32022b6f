"""Settings show everything but secrets."""

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from servicekit.settings import MongoSettings, PostgresSettings, ServiceSettings

SECRETS = ("kafka-secret", "dsn-secret", "url-secret")
COMMON = {
    "service": "kit", "kafka_bootstrap": "kafka:9092", "kafka_username": "kit", "kafka_password": "kafka-secret",
    "issuer": "http://issuer", "jwks_url": "http://issuer/jwks.json",
}  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        PostgresSettings(**COMMON, postgres_dsn="postgresql://kit:dsn-secret@db/kit"),  # pyright: ignore[reportArgumentType] - pydantic hides it
        MongoSettings(**COMMON, mongo_url="mongodb://kit:url-secret@db/", mongo_database="kit"),  # pyright: ignore[reportArgumentType] - pydantic hides it
    ],
    ids=["postgres", "mongo"],
)
def test_no_way_of_printing_shows_a_secret(settings: ServiceSettings):
    for text in (repr(settings), str(settings), str(settings.shown()), settings.model_dump_json(), f"{vars(settings)}"):
        assert not [secret for secret in SECRETS if secret in text]
        assert "kafka:9092" in text
    assert settings.kafka_password.get_secret_value() == "kafka-secret"


def test_an_error_about_settings_shows_no_value():
    with pytest.raises(ValidationError) as caught:
        ServiceSettings(**COMMON | {"port": "kafka-secret"})  # pyright: ignore[reportArgumentType] - wrong on purpose
    assert "port" in str(caught.value)
    assert "kafka-secret" not in str(caught.value)


def test_each_service_reads_its_own_variables(monkeypatch: pytest.MonkeyPatch):
    class Settings(ServiceSettings):
        model_config = SettingsConfigDict(env_prefix="KIT_", frozen=True, extra="ignore")

    for name, value in COMMON.items():
        monkeypatch.setenv(f"KIT_{name.upper()}", value)
    monkeypatch.setenv("KIT_PORT", "1234")
    monkeypatch.setenv("OTHER_PORT", "4321")
    assert Settings().port == 1234  # pyright: ignore[reportCallIssue] - the environment fills it
