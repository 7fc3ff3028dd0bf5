"""Health, metrics and the schema, as balancers, Prometheus and people read them."""

import asyncio
import re
from uuid import UUID

import httpx
import psycopg
from in_process import authorization, client_of
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.settings import Settings

MATCH = "/api/v1/patterns/match"
BASE = "http://127.0.0.1"


async def test_live_answers(api: httpx.AsyncClient):
    assert (await api.get("/health/live")).json() == {"status": "ok"}


async def test_ready_names_each_part(api: httpx.AsyncClient):
    response = await api.get("/health/ready")
    parts = response.json()["parts"]
    assert response.status_code == 200
    assert (parts["database"]["status"], parts["migrations"]["status"]) == ("ok", "ok")
    assert "Postgres" in parts["database"]["detail"]
    # No model and no worker: it serves, with less.
    assert response.json()["status"] == "degraded"
    assert (parts["embeddings"]["status"], parts["worker"]["status"]) == ("degraded", "degraded")


async def test_ready_is_503_when_the_database_is_gone(own_api: httpx.AsyncClient, database_url: str):
    name = str(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"])
    elsewhere = psycopg.conninfo.make_conninfo(database_url, dbname="postgres")
    async with await psycopg.AsyncConnection.connect(elsewhere, autocommit=True) as admin:
        await admin.execute(f"alter database {name} allow_connections false")
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        response = await own_api.get("/health/ready")
        await admin.execute(f"alter database {name} allow_connections true")
    parts = response.json()["parts"]
    assert (response.status_code, response.json()["status"]) == (503, "down")
    assert parts["database"]["status"] == "down"
    assert name not in response.text
    assert "motif_service" not in response.text
    async with asyncio.timeout(30):  # back by itself
        while (await own_api.get("/health/ready")).status_code != 200:
            assert (await own_api.get("/health/live")).status_code == 200


async def test_metrics_count_by_route_and_never_by_address(api: httpx.AsyncClient):
    for number in range(50):
        await api.get(f"/nothing/{number}")
        await api.get(f"/problems/nothing-{number}")
        await api.request(f"METHOD{number}", "/health/live")
    response = await api.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    counted = {
        (sample.labels["route"], sample.labels["method"], sample.labels["status"]): sample.value
        for sample in families["motif_http_requests"].samples
    }
    assert counted == {
        ("unknown", "GET", "404"): 50,
        ("/problems/{code}", "GET", "404"): 50,
        ("unknown", "other", "405"): 50,
    }
    assert {"motif_http_request_seconds", "motif_match_stage_seconds", "motif_jobs", "motif_budget_usd"} <= set(
        families
    )


async def test_metrics_time_the_stages_of_a_match(api: httpx.AsyncClient):
    await api.post(MATCH, json={"intent": "retry"})
    families = {family.name: family for family in text_string_to_metric_families((await api.get("/metrics")).text)}
    stages = {sample.labels["stage"] for sample in families["motif_match_stage_seconds"].samples}
    assert {"search", "total"} <= stages


async def test_the_schema_is_whole_and_exact(api: httpx.AsyncClient):
    document = (await api.get("/docs/openapi.json")).json()
    assert {MATCH, "/health/live", "/health/ready", "/metrics", "/problems/{code}"} <= set(document["paths"])
    shapes = document["components"]["schemas"]
    for name in set(re.findall(r"#/components/schemas/(\w+)", str(document))):
        assert name in shapes
    request = shapes["MatchRequest"]
    assert request["additionalProperties"] is False
    assert request["properties"]["limit"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
    answers = document["paths"][MATCH]["post"]["responses"]
    assert set(answers) == {"200", "400", "401", "403", "404", "413", "415", "422", "429", "503"}
    assert list(answers["422"]["content"]) == ["application/problem+json"]


async def test_the_page_shows_every_route_and_shape(api: httpx.AsyncClient):
    document = (await api.get("/docs/openapi.json")).json()
    page = await api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for words in (*document["paths"], *document["components"]["schemas"]):
        assert words in page.text


async def test_the_worker_inside_is_seen_and_started_again_when_it_fails(settings: Settings):
    failed, again, stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def worker(*_parts: object) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("once")
        again.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    app = create_app(settings, worker=worker)
    transport = httpx.ASGITransport(app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        await failed.wait()
        first = (await client.get("/health/ready")).json()["parts"]["worker"]
        await again.wait()
        second = (await client.get("/health/ready")).json()["parts"]["worker"]
    assert (first["status"], second["status"]) == ("degraded", "ok")
    assert stopped.is_set()


async def test_a_missing_model_leaves_words(settings: Settings):
    broken = settings.model_copy(update={"embedding_model": "./no-such-model"})
    app = create_app(broken)
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        parts = (await client.get("/health/ready")).json()["parts"]
        match = await client.post(MATCH, json={"intent": "retry"}, headers=authorization(settings, settings.user_id))
    assert parts["embeddings"] == {"status": "degraded", "detail": "embedding-unavailable"}
    assert match.status_code == 200


async def test_somebody_whom_the_database_does_not_know_is_answered_and_sees_nothing(settings: Settings):
    nobody = settings.model_copy(update={"user_id": UUID(int=7)})
    async with client_of(nobody) as client:
        match = await client.post(MATCH, json={"intent": "retry"})
    assert (match.status_code, match.json()["matched_patterns"]) == (200, [])
