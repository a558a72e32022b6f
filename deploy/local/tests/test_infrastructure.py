"""What a stack's servers let whom do."""

import asyncpg
import pytest

from local_stack.config import Config
from local_stack.environment import service_environment


async def test_role_cannot_see_another_services_schema(infrastructure: Config) -> None:
    identity = await asyncpg.connect(service_environment(infrastructure, "identity")["IDENTITY_POSTGRES_DSN"])
    pricing = await asyncpg.connect(service_environment(infrastructure, "pricing")["PRICING_POSTGRES_DSN"])
    try:
        await identity.execute("CREATE TABLE private_to_identity (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pricing.fetch("SELECT * FROM identity.private_to_identity")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pricing.execute("CREATE TABLE public.intruder (id int)")
    finally:
        await identity.execute("DROP TABLE IF EXISTS private_to_identity")
        await identity.close()
        await pricing.close()
