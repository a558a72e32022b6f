"""The environment each service starts with, and how any other command reaches a running stack."""

import json
import sys
from typing import TypedDict

from local_stack import keyrings, mongo, platforms, postgres, sms
from local_stack.config import Config
from local_stack.processes import Command, minimal_environment
from local_stack.secrets import Secrets, load
from local_stack.services import SERVICE_BY_NAME, UPSTREAMS, Service

LOCAL_RATES = {
    "RATE_READS": '{"per_second": 5000, "burst": 5000}',
    "RATE_WRITES": '{"per_second": 1000, "burst": 1000}',
    "RATE_TOKENS": '{"per_second": 200, "burst": 1000}',
    "RATE_REFUSED": '{"per_second": 100, "burst": 1000}',
}
"""All callers of a local stack share one address, and its demo, replays, benchmarks and fuzzing ask a lot."""


class KafkaCredentials(TypedDict):
    """Keyword arguments of aiokafka's clients."""

    bootstrap_servers: str
    security_protocol: str
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str


def kafka_credentials(config: Config, principal: str) -> KafkaCredentials:
    """How a principal of the catalogue (or `admin`) reaches the stack's Kafka, for aiokafka's clients."""
    return {
        "bootstrap_servers": config.kafka_bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": principal,
        "sasl_plain_password": load(config)[f"kafka.{principal}"],
    }


def service_environment(config: Config, name: str) -> dict[str, str]:
    """The whole environment of a service of this stack; it holds secrets. KeyError for an unknown service."""
    service, secrets = SERVICE_BY_NAME[name], load(config)
    settings = {
        "HOST": "127.0.0.1",
        "PORT": str(service.port(config)),
        "KAFKA_BOOTSTRAP": config.kafka_bootstrap,
        "KAFKA_USERNAME": name,
        "KAFKA_PASSWORD": secrets[f"kafka.{name}"],
        "ISSUER": config.gateway_url,
        "JWKS_URL": f"{SERVICE_BY_NAME['identity'].url(config)}/.well-known/jwks.json",
        "TRACES_FILE": str(config.data / "traces" / f"{name}.jsonl"),
        **_store(config, secrets, service),
        **({"KEYRING_FILE": str(keyrings.path(config, name))} if service in UPSTREAMS else {}),
        **_own(config, secrets, name),
    }
    return minimal_environment() | {f"{name.upper()}_{key}": value for key, value in settings.items()}


def service_command(config: Config, service: Service) -> Command:
    """How to start a service."""
    argv = (sys.executable, "-m", "servicekit.serve", f"{service.name}.main:create_app")
    return Command(service.name, argv, service_environment(config, service.name), stamp=service.code_stamp())


def migration_command(config: Config, service: Service) -> Command:
    """How to bring a service's schema up to date."""
    argv = (sys.executable, "-m", "servicekit.migrations", service.name)
    return Command(f"{service.name}-migrations", argv, service_environment(config, service.name))


def _store(config: Config, secrets: Secrets, service: Service) -> dict[str, str]:
    if service.store == "postgres":
        return {"POSTGRES_DSN": postgres.dsn(config, secrets, service.name)}
    if service.store == "mongo":
        return {"MONGO_URL": mongo.url(config, secrets, service.name), "MONGO_DATABASE": service.name}
    return {}


def _own(config: Config, secrets: Secrets, name: str) -> dict[str, str]:
    """What only one service has."""
    if name == "identity":
        simulators = SERVICE_BY_NAME["simulators"].url(config)
        others = {service.name: service.url(config) for service in UPSTREAMS if service.name != name}
        own = {
            "AUDIT_KEYRING_FILE": str(keyrings.path(config, keyrings.AUDIT)), "PERSONAL_DATA_URLS": json.dumps(others),
        }  # fmt: skip
        return own | sms.identity_settings(config, secrets) | platforms.of_identity(secrets, simulators)
    if name == "payments":
        simulators = SERVICE_BY_NAME["simulators"].url(config)
        own = {"PUBLIC_URL": config.gateway_url, "LOYALTY__URL": SERVICE_BY_NAME["loyalty"].url(config)}
        return own | platforms.of_payments(secrets, simulators)
    if name == "analytics":
        return {
            "PSEUDONYM_KEY": secrets["analytics.pseudonym_key"], "MAIL_URL": f"folder://{config.data / 'mail'}",
        }  # fmt: skip
    if name == "simulators":
        return sms.simulator_settings(secrets) | platforms.of_simulators(secrets)
    if name == "gateway":
        return LOCAL_RATES | {f"{service.name.upper()}_URL": service.url(config) for service in UPSTREAMS}
    return {}
