"""What the vendors offer and the settings say, as a catalog: what is local, what it costs, which tasks it takes."""

from typing import Any

import pytest

from routing.catalog import Catalog, Place
from routing.errors import VendorUnreachable
from routing.price import FREE, Rates, Tier
from routing.task import TaskType
from routing.vendors.base import Offered
from service.errors import ConfigurationError
from service.models.discovery import catalog_of, check_named, local_takes
from service.models.looking import model_lines, vendor_lines
from service.models.prices import Prices
from service.models.vendors import Heard, is_local, open_vendors
from service.settings import Settings

GB = 1_000_000_000
CHATS, EMBEDS = frozenset({"completion"}), frozenset({"embedding"})
SMALL = Offered("llama3.2:latest", context_tokens=131_072, size_bytes=2 * GB, capabilities=CHATS)
LARGE = Offered("qwen3:8b", context_tokens=40_960, size_bytes=5 * GB, capabilities=CHATS)
HUGE = Offered("qwen3:235b", context_tokens=40_960, size_bytes=900_000 * GB, capabilities=CHATS)
VECTORS = Offered("nomic-embed-text:latest", context_tokens=2_048, size_bytes=GB // 4, capabilities=EMBEDS)
CLOUD = Offered("gpt-oss:120b-cloud", context_tokens=131_072, remote_host="https://ollama.com:443", capabilities=CHATS)
OWN = Rates((Tier(1, 2, 1, 1),), "own")


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **{"ollama_url": "http://127.0.0.1:11434", "embedding_model": "none", **given})


def catalog(given: Settings, prices: Prices | None = None, **offered: tuple[Offered, ...] | None) -> Catalog:
    """`None` for a vendor that does not answer."""
    heard = {
        vendor: Heard(offered=models) if models is not None else Heard(error=VendorUnreachable("away"))
        for vendor, models in offered.items()
    }
    return catalog_of(given, heard, prices or Prices())


def takes(found: Catalog) -> dict[str, str]:
    def said(types: frozenset[TaskType] | None) -> str:
        return "all" if types is None else " ".join(sorted(types)) or "none"

    return {model.ref: said(model.task_types) for model in found.models}


def test_the_largest_installed_model_that_answers_questions_takes_all() -> None:
    found = catalog(settings(), ollama=(SMALL, LARGE, VECTORS))
    assert takes(found) == {
        "ollama/llama3.2:latest": "none",
        "ollama/qwen3:8b": "all",
        "ollama/nomic-embed-text:latest": "none",
    }
    assert {(model.place, model.rates) for model in found.models} == {(Place.LOCAL, FREE)}


def test_one_that_this_machine_cannot_hold_takes_none_unless_another_machine_runs_it() -> None:
    assert takes(catalog(settings(), ollama=(SMALL, HUGE)))["ollama/llama3.2:latest"] == "all"
    elsewhere = settings(ollama_url="http://gpu.lan:11434", local_hosts=("gpu.lan",))
    assert takes(catalog(elsewhere, ollama=(SMALL, HUGE)))["ollama/qwen3:235b"] == "all"


def test_the_settings_say_who_takes_what_and_the_default_takes_the_rest() -> None:
    given = settings(local_models=("pattern_extraction=qwen3:8b", "default=llama3.2"))
    found = takes(catalog(given, ollama=(SMALL, LARGE)))
    assert found["ollama/qwen3:8b"] == "pattern_extraction"
    assert "pattern_extraction" not in found["ollama/llama3.2:latest"]
    assert len(found["ollama/llama3.2:latest"].split()) == 5


def test_what_the_settings_leave_out_goes_to_the_largest() -> None:
    found = takes(catalog(settings(local_models=("content_analysis=llama3.2",)), ollama=(SMALL, LARGE)))
    assert found["ollama/llama3.2:latest"] == "content_analysis"
    assert len(found["ollama/qwen3:8b"].split()) == 5


def test_a_local_model_reads_what_the_settings_allow_and_no_more_than_it_can() -> None:
    found = catalog(settings(ollama_context_tokens=65_536), ollama=(SMALL, LARGE))
    assert [model.context_tokens for model in found.models] == [65_536, 40_960]
    assert all(2 * model.max_output_tokens <= model.context_tokens for model in found.models)


def test_an_ollama_that_hands_on_is_commercial_and_refused_without_a_price() -> None:
    (cloud,) = catalog(settings(), ollama=(CLOUD,)).models
    assert (cloud.place, cloud.cloud, cloud.host, cloud.rates) == (Place.COMMERCIAL, True, "ollama.com:443", None)
    (priced,) = catalog(settings(), Prices({("ollama", CLOUD.name): OWN}), ollama=(CLOUD,)).models
    assert (priced.place, priced.rates) == (Place.COMMERCIAL, OWN)


@pytest.mark.parametrize("name", ["kimi-k2:cloud", "qwen3-coder:480b-cloud", "X:1T-Cloud"])
def test_a_cloud_models_name_is_enough_where_an_older_ollama_says_nothing(name: str) -> None:
    (model,) = catalog(settings(), ollama=(Offered(name, capabilities=CHATS),)).models
    assert model.place is Place.COMMERCIAL


def test_a_model_that_is_merely_called_after_clouds_is_local() -> None:
    (model,) = catalog(settings(), ollama=(Offered("cloud-gate:7b", capabilities=CHATS),)).models
    assert model.place is Place.LOCAL


def test_an_ollama_on_a_host_that_nobody_listed_is_commercial() -> None:
    found = catalog(settings(ollama_url="http://10.1.2.3:11434"), ollama=(SMALL,))
    assert [(model.place, model.rates) for model in found.models] == [(Place.COMMERCIAL, None)]


@pytest.mark.parametrize(
    ("url", "hosts", "local"),
    [
        ("http://localhost:11434", ("localhost",), True),
        ("http://LOCALHOST.:11434", ("localhost",), True),
        ("http://[::1]:11434", ("::1",), True),
        ("http://[::1]:11434", ("[::1]",), True),
        ("http://user:secret@gpu.lan:1/v1", ("gpu.lan",), True),
        ("http://gpu.lan:1/v1", ("gpu.lan:1",), True),
        ("http://gpu.lan:2/v1", ("gpu.lan:1",), False),
        ("http://gpu.lan.example.org/v1", ("gpu.lan",), False),
        ("http://example.org/localhost", ("localhost",), False),
        ("http://localhost@example.org/", ("localhost",), False),
        ("http://127.0.0.2:11434", ("127.0.0.1",), False),
        ("nonsense", ("nonsense",), False),
        ("http://localhost", (), False),
    ],
)
def test_local_is_the_host_that_requests_go_to_and_nothing_else(url: str, hosts: tuple[str, ...], local: bool) -> None:
    assert is_local(url, settings(local_hosts=hosts)) is local


def test_a_compatible_server_is_local_on_a_listed_host_and_commercial_elsewhere() -> None:
    served = (Offered("qwen3-8b-instruct", context_tokens=32_768), Offered("bge-m3"))
    own = catalog(settings(compatible_url="http://127.0.0.1:8000/v1"), compatible=served)
    assert takes(own) == {"compatible/qwen3-8b-instruct": "all", "compatible/bge-m3": "none"}
    assert {model.place for model in own.models} == {Place.LOCAL}
    theirs = catalog(settings(compatible_url="https://llm.example.org/v1"), compatible=served)
    assert {(model.place, model.rates) for model in theirs.models} == {(Place.COMMERCIAL, None)}


def test_a_compatible_server_that_is_away_has_the_models_that_the_settings_name() -> None:
    given = settings(compatible_url="http://127.0.0.1:8000/v1", compatible_models=("mine",))
    assert takes(catalog(given, compatible=None)) == {"compatible/mine": "all"}
    assert takes(catalog(settings(compatible_url="http://127.0.0.1:8000/v1"), compatible=None)) == {}


def test_a_vendor_without_a_key_is_not_there() -> None:
    assert open_vendors(settings(ollama_url="none")) == {}
    assert catalog(settings()).models == ()


def test_commercial_models_come_from_the_settings_with_known_prices_whether_the_vendor_answers_or_not() -> None:
    given = settings(anthropic_models=("claude-haiku-5-5", "nobody-knows"))
    found = catalog(given, anthropic=None)
    assert [(model.name, model.rates is not None) for model in found.models] == [
        ("claude-haiku-5-5", True),
        ("nobody-knows", False),
    ]
    larger = catalog(
        given, anthropic=(Offered("claude-haiku-5-5", context_tokens=1_000_000, max_output_tokens=64_000),)
    )
    assert (larger.models[0].context_tokens, larger.models[0].max_output_tokens) == (1_000_000, 64_000)
    dated = catalog(given, anthropic=(Offered("claude-haiku-5-5-20261001", context_tokens=500_000),))
    assert (dated.models[0].name, dated.models[0].context_tokens) == ("claude-haiku-5-5", 500_000)


def test_the_embedding_model_is_in_the_catalog_and_takes_no_tasks() -> None:
    given = settings(embedding_model="openai:text-embedding-3-small", openai_models=())
    (model,) = catalog(given, openai=None).models
    assert (model.ref, model.task_types, model.place) == (
        "openai/text-embedding-3-small",
        frozenset(),
        Place.COMMERCIAL,
    )


@pytest.mark.parametrize("entry", ["qwen3:8b", "=x", "default=", "patterns=x", "default"])
def test_local_models_that_cannot_be_read_are_named(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="MOTIF_LOCAL_MODELS"):
        local_takes(settings(local_models=(entry,)))


def heard(**offered: tuple[Offered, ...] | None) -> dict[str, Heard]:
    return {
        vendor: Heard(offered=models) if models is not None else Heard(error=VendorUnreachable("away"))
        for vendor, models in offered.items()
    }


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"anthropic_models": ("claude-typo",)}, "MOTIF_ANTHROPIC_MODELS"),
        ({"local_models": ("default=llama-typo",)}, "MOTIF_LOCAL_MODELS"),
    ],
)
def test_a_model_that_its_vendor_does_not_have_is_an_error_only_where_the_vendor_says_so(
    given: dict[str, Any], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        check_named(settings(**given), heard(anthropic=(Offered("claude-haiku-5-5"),), ollama=(SMALL,)))
    check_named(settings(**given), heard(anthropic=None, ollama=None))


def test_names_that_nobody_set_and_dated_versions_are_no_error() -> None:
    check_named(settings(), heard(anthropic=(Offered("claude-of-next-year"),)))
    given = settings(anthropic_models=("claude-haiku-5-5",), local_models=("default=ollama/llama3.2",))
    check_named(given, heard(anthropic=(Offered("claude-haiku-5-5-20261001"),), ollama=(SMALL,)))
    with pytest.raises(ConfigurationError):  # that is another model, whose name begins alike
        check_named(given, heard(anthropic=(Offered("claude-haiku-5-5-mini"),), ollama=(SMALL,)))


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "http://", "http://x:99999"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MOTIF_COMPATIBLE_URL"):
        open_vendors(settings(ollama_url="none", compatible_url=url))


def test_what_is_said_of_each_model_tells_where_it_runs_and_why() -> None:
    given = settings(anthropic_models=("claude-haiku-5-5",))
    known = heard(ollama=(LARGE, VECTORS, CLOUD), anthropic=None)
    found = catalog_of(given, known, Prices())
    lines = {line.model: line for line in model_lines(given, known, found)}
    assert list(lines) == [
        "ollama/nomic-embed-text:latest",
        "ollama/qwen3:8b",
        "anthropic/claude-haiku-5-5",
        "ollama/gpt-oss:120b-cloud",
    ]
    local, cloud, away = (
        lines["ollama/qwen3:8b"],
        lines["ollama/gpt-oss:120b-cloud"],
        lines["anthropic/claude-haiku-5-5"],
    )
    assert (local.reachable, len(local.takes)) == (True, 6)
    assert (cloud.note, cloud.takes, cloud.price) == ("unpriced: refused", (), None)
    assert (away.reachable, away.trouble) == (False, "vendor-unreachable")
    assert away.price is not None
    assert (away.price.input_usd, away.price.output_usd) == ("0.10", "0.50")
    assert "hands it on" in cloud.why


def test_each_vendor_is_told_what_is_wrong_and_what_to_do() -> None:
    given = settings(anthropic_models=("claude-haiku-5-5",), compatible_url="http://127.0.0.1:8000/v1")
    known = heard(ollama=(VECTORS,), anthropic=None, compatible=None)
    lines = {line.name: line for line in vendor_lines(given, known, catalog_of(given, known, Prices()), limited=False)}
    assert {name: line.status for name, line in lines.items()} == {
        "ollama": "warn",
        "compatible": "fail",
        "anthropic": "fail",
        "openai": "off",
        "budget": "warn",
    }
    assert all(line.fix for line in lines.values())
    assert "ollama pull" in lines["ollama"].fix
    assert "nothing commercial is spent" in lines["budget"].detail


def test_an_ollama_that_nobody_set_up_is_no_fault() -> None:
    # The tests' environment sets it to none; here nothing at all is set.
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MOTIF_OLLAMA_URL")
        plain = Settings(_env_file=None)
    lines = {line.name: line for line in vendor_lines(plain, heard(ollama=None), Catalog(), limited=None)}
    assert lines["ollama"].status == "off"
    assert lines["tasks"].status == "ok"
