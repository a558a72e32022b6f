"""Who may pass: tokens, scopes and rate limits, over real HTTP."""

from gateway.settings import Rate
from servicekit.testkit import Issuer


async def test_token_with_the_scope_passes(service, start_gateway, issuer: Issuer) -> None:
    async with start_gateway() as client:
        async with client.post("/v1/price-reports", headers=issuer.bearer("prices:write")) as response:
            assert response.status == 200
        async with client.post("/v1/price-reports", headers=issuer.bearer("pumps:write")) as response:
            assert response.status == 403
            assert "prices:write" in (await response.json(content_type=None))["detail"]
        async with client.post("/v1/price-reports") as response:
            assert response.status == 401
            assert response.headers["www-authenticate"] == "Bearer"
    assert len(service.requests) == 1


async def test_security_18_bad_tokens_stop_at_the_door(service, start_gateway, issuer: Issuer) -> None:
    bad = [{"exp": 1}, {"aud": "elsewhere"}, {"iss": "https://evil.example"}, {"typ": "JWT"}, {"sub": None}]
    async with start_gateway() as client:
        for claims in bad:
            async with client.post("/v1/price-reports", headers=issuer.bearer("prices:write", **claims)) as response:
                assert response.status == 401, claims
    assert service.requests == []


async def test_refused_tokens_are_limited_by_address(service, start_gateway, issuer: Issuer) -> None:
    headers = issuer.bearer("prices:write", exp=1)
    async with start_gateway(rate_refused=Rate(per_second=0.01, burst=2)) as client:
        statuses = []
        for _ in range(3):
            async with client.post("/v1/price-reports", headers=headers) as response:
                statuses.append(response.status)
    assert statuses == [401, 401, 429]


async def test_security_26_public_reads_are_limited_by_the_peer_not_by_what_it_says(service, start_gateway) -> None:
    async with start_gateway(rate_reads=Rate(per_second=0.01, burst=3)) as client:
        for number in range(3):
            async with client.get("/v1/prices", headers={"X-Forwarded-For": f"10.0.0.{number}"}) as response:
                assert response.status == 200
        async with client.get("/v1/prices", headers={"X-Forwarded-For": "10.0.0.9"}) as response:
            assert response.status == 429
            headers = response.headers
    assert 1 <= int(headers["retry-after"]) <= 100
    assert headers["ratelimit-policy"] == '"reads";q=3;w=300'
    assert headers["ratelimit"].startswith('"reads";r=0;t=')
    assert len(service.requests) == 3


async def test_behind_a_trusted_proxy_each_client_has_its_own_limit(service, start_gateway) -> None:
    changes = {"rate_reads": Rate(per_second=0.01, burst=1), "trusted_proxies": ["127.0.0.0/8"]}
    async with start_gateway(**changes) as client:
        for forwarded, status in (
            ("203.0.113.1", 200), ("203.0.113.1", 429), ("203.0.113.2", 200), ("203.0.113.3, 203.0.113.2", 429),
        ):  # fmt: skip
            async with client.get("/v1/prices", headers={"X-Forwarded-For": forwarded}) as response:
                assert response.status == status, forwarded
        async with client.get("/healthz", headers={"X-Forwarded-For": "127.0.0.1"}) as response:
            assert response.status == 404, "whoever comes by way of a proxy is no operator"
    assert [one.headers["x-forwarded-for"] for one in service.requests] == ["203.0.113.1", "203.0.113.2"]


async def test_writes_are_limited_by_client(service, start_gateway, issuer: Issuer) -> None:
    async with start_gateway(rate_reports=Rate(per_second=0.01, burst=1)) as client:
        for subject, status in (("a", 200), ("a", 429), ("b", 200)):
            headers = issuer.bearer("prices:write", sub=subject)
            async with client.post("/v1/price-reports", headers=headers) as response:
                assert response.status == status, subject


async def test_security_headers_are_on_every_answer(service, start_gateway) -> None:
    async with start_gateway() as client:
        for path in ("/v1/prices", "/nothing", "/openapi.json", "/docs"):
            async with client.get(path) as response:
                assert response.headers["x-content-type-options"] == "nosniff", path
                assert "frame-ancestors 'none'" in response.headers["content-security-policy"], path
                assert len(response.headers["trace-id"]) == 32, path


async def test_security_29_docs_can_be_off(service, start_gateway) -> None:
    async with start_gateway(docs_enabled=False) as client:
        for path in ("/docs", "/docs/init.js", "/openapi.json"):
            async with client.get(path) as response:
                assert response.status == 404, path
