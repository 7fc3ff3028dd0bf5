"""A router opened from settings: whoever is down stops nothing, and what comes up later is found."""

import asyncio
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from wire.models import OFFERS, Offer
from wire.server import Wire, wire_server

from routing.call_failed import CallFailed
from routing.catalog import Place
from routing.complexity import score
from routing.errors import CatalogInvalid, VendorTimeout
from routing.probing import PROMPT, Probed
from routing.task import Task, TaskType
from service.errors import ConfigurationError, ModelsUnavailable
from service.models.discovery import catalog_of
from service.models.errors import as_motif_error
from service.models.opening import open_router
from service.models.prices import Prices
from service.models.vendors import ask_vendors, open_vendors
from service.settings import Settings
from service.storage.database import Database


def settings(wire: Wire, **given: Any) -> Settings:
    return Settings(_env_file=None, **{"ollama_url": f"{wire.url}/ollama", "embedding_model": "none", **given})


def task(**given: Any) -> Task:
    return Task(TaskType.CONTENT_ANALYSIS, PROMPT, score("a small change"), **given)


async def test_a_local_model_has_a_task_done_and_the_ledger_says_so(database: Database, database_url: str) -> None:
    async with wire_server(answers={"qwen3:8b": {"answered": True}}) as wire:
        router = await open_router(settings(wire), database)
        routed = await router.run(task())
        await router.close()
    assert (routed.value, routed.model, routed.place) == (Probed(True), "ollama/qwen3:8b", Place.LOCAL)
    with psycopg.connect(database_url) as admin:
        assert admin.execute("select model_asked, place, result from ledger").fetchall() == [
            ("qwen3:8b", "local", "ok")
        ]


async def test_a_vendor_that_is_down_at_the_start_is_found_when_it_comes_up(database: Database) -> None:
    async with wire_server(answers={"qwen3:8b": {"answered": True}}) as wire:
        await wire.refuse()
        router = await open_router(settings(wire), database)
        with pytest.raises(CallFailed) as failed:
            await router.run(task())
        assert isinstance(as_motif_error(failed.value), ModelsUnavailable)
        await wire.listen()
        await router.refresh()
        assert (await router.run(task())).model == "ollama/qwen3:8b"
        await router.close()


async def test_a_model_installed_later_is_found_and_one_that_is_away_for_a_moment_is_kept(database: Database) -> None:
    async with wire_server(offers=[offer for offer in OFFERS if offer.name == "llama3.2:latest"]) as wire:
        router = await open_router(settings(wire), database)
        assert [model.ref for model in router.catalog.models] == ["ollama/llama3.2:latest"]
        wire.offers.append(Offer("ollama", "qwen3:8b", size_bytes=5_000_000_000))
        await router.refresh()
        assert [model.ref for model in router.catalog.models] == ["ollama/llama3.2:latest", "ollama/qwen3:8b"]
        await wire.refuse()
        await router.refresh()
        assert len(router.catalog.models) == 2
        await router.close()


async def test_slow_vendors_together_keep_nobody_waiting_longer_than_one(database: Database) -> None:
    async with wire_server() as wire:
        for vendor in ("ollama", "anthropic", "openai", "compatible"):
            wire.fail(vendor, "hang")
        given = settings(
            wire,
            anthropic_api_key="k",
            anthropic_url=f"{wire.url}/anthropic",
            openai_api_key="k",
            openai_url=f"{wire.url}/openai/v1",
            compatible_url=f"{wire.url}/compatible/v1",
        )
        vendors = open_vendors(given)
        async with asyncio.timeout(1.5):  # three of them after each other would take longer
            heard = await ask_vendors(vendors, patience_s=0.5)
        for vendor in vendors.values():
            await vendor.close()
    assert {type(one.error) for one in heard.values()} == {VendorTimeout}
    assert {model.vendor for model in catalog_of(given, heard, Prices()).models} == {"anthropic", "openai"}


async def test_a_model_that_the_settings_name_and_nobody_has_is_an_error_at_the_start(database: Database) -> None:
    async with wire_server() as wire:
        with pytest.raises(ConfigurationError, match="llama-typo"):
            await open_router(settings(wire, local_models=("default=llama-typo",)), database)


async def test_without_any_vendor_there_is_a_router_that_says_so(database: Database) -> None:
    router = await open_router(Settings(_env_file=None, ollama_url="none"), database)
    with pytest.raises(CallFailed):
        await router.run(task())
    with pytest.raises(CatalogInvalid):
        await router.embed("ollama/none", ["a"], vendors=None, project_id=uuid4())
    await router.close()
