"""Which models there are: what the settings name and what the vendors say they have, as routing's catalog."""

import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from routing.catalog import Catalog, Model, Place
from routing.price import FREE
from routing.task import TaskType
from routing.vendors.base import Offered, Vendor
from service.errors import ConfigurationError
from service.models.embedding import vendor_model
from service.models.prices import Prices
from service.models.vendors import Heard, ask_vendors, is_local, ollama_url_of
from service.settings import Settings

COMMERCIAL_CONTEXT_TOKENS = {"anthropic": 200_000, "openai": 128_000}
COMMERCIAL_OUTPUT_TOKENS = 32_000
"""What every model of these vendors can at least, where nobody says more."""
LOCAL_OUTPUT_TOKENS = 4_096
MEMORY_SHARE = 0.8
"""How much of this machine's memory a local model may fill."""
DEFAULT = "default"

_A_DATE = re.compile(r"-\d{4}-?\d{2}-?\d{2}")
_EMBEDS = re.compile(r"embed|rerank|minilm|(^|[/_-])(bge|gte|e5)([._-]|$)", re.IGNORECASE)


async def discover(settings: Settings, vendors: Mapping[str, Vendor], prices: Prices) -> Catalog:
    """Ask every vendor what it has, and make the catalog of it. Raises ConfigurationError as `check_named` does."""
    heard = await ask_vendors(vendors)
    check_named(settings, heard)
    return catalog_of(settings, heard, prices)


def catalog_of(settings: Settings, heard: Mapping[str, Heard], prices: Prices) -> Catalog:
    """The catalog of what was heard. A vendor that is down has its configured models all the same, an Ollama none."""
    models = [*_of_ollama(settings, heard, prices), *_of_compatible(settings, heard, prices)]
    for vendor, names in (("anthropic", settings.anthropic_models), ("openai", settings.openai_models)):
        if vendor in heard:
            models += [_commercial(vendor, name, heard[vendor], settings, prices) for name in names]
    vendor, name = vendor_model(settings) or ("", "")
    if vendor in {"openai", "compatible"} and vendor in heard and all(m.ref != f"{vendor}/{name}" for m in models):
        models.append(_embedding(vendor, name, heard[vendor], settings, prices))
    return Catalog(tuple({model.ref: model for model in models}.values()))


def check_named(settings: Settings, heard: Mapping[str, Heard]) -> None:
    """Raise ConfigurationError for a model that the settings name and that its vendor was asked for and does not have.

    What a vendor that did not answer has, nobody knows; names that nobody set are no error.
    """
    for vendor, names in (
        ("anthropic", settings.anthropic_models),
        ("openai", settings.openai_models),
        ("compatible", settings.compatible_models),
    ):
        if f"{vendor}_models" not in settings.model_fields_set or vendor not in heard or heard[vendor].error:
            continue
        for name in names:
            if heard[vendor].offered and offered_as(heard[vendor], name) is None:
                raise ConfigurationError(
                    f"MOTIF_{vendor.upper()}_MODELS names {name}, which {vendor} does not have.",
                    fix="Take it out, or correct it: its vendor's documentation has the names.",
                )
    takes = local_takes(settings)
    able = [heard[vendor] for vendor in ("ollama", "compatible") if vendor in heard]
    if able and not any(one.error for one in able):
        names = {named(offered.name) for one in able for offered in one.offered}
        names |= {named(name) for name in settings.compatible_models}
        for name in takes.values():
            if named(_bare(name)) not in names:
                raise ConfigurationError(
                    f"MOTIF_LOCAL_MODELS names {name}, which is not installed.",
                    fix=f"Install it (`ollama pull {name}`), or change MOTIF_LOCAL_MODELS.",
                )


def local_takes(settings: Settings) -> Mapping[str, str]:
    """MOTIF_LOCAL_MODELS as {type of task or "default": model}; ConfigurationError where it is not so written."""
    takes: dict[str, str] = {}
    for entry in settings.local_models:
        key, _, name = (part.strip() for part in entry.partition("="))
        if not name or key not in {DEFAULT, *TaskType}:
            raise ConfigurationError(
                f"MOTIF_LOCAL_MODELS cannot be read at {entry!r}.",
                fix=f"Write `type=model`, with a type among {', '.join([DEFAULT, *TaskType])}.",
            )
        takes[key] = name
    return takes


def named(name: str) -> str:
    """A model's whole name at Ollama: without a tag it is the latest."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def runs_elsewhere(offered: Offered) -> bool:
    """Whether an Ollama hands the model on: it says so, or the model is named as its cloud models are."""
    tag = named(offered.name).rpartition(":")[2].lower()
    return offered.remote_host is not None or tag == "cloud" or tag.endswith("-cloud")


def can_chat(offered: Offered) -> bool:
    """Whether a model answers questions; one that only makes vectors takes no tasks."""
    if offered.capabilities:
        return "completion" in offered.capabilities
    return _EMBEDS.search(offered.name) is None


def offered_as(heard: Heard, name: str) -> Offered | None:
    """A vendor's model of that name, else its newest dated version (`name-20261001`); None where it has neither."""
    dated = sorted((one for one in heard.offered if _A_DATE.fullmatch(one.name.removeprefix(name))), key=_name)
    return next((one for one in heard.offered if one.name == name), dated[-1] if dated else None)


def _of_ollama(settings: Settings, heard: Mapping[str, Heard], prices: Prices) -> list[Model]:
    url = ollama_url_of(settings)
    if url is None or "ollama" not in heard:
        return []
    at_home = is_local(url, settings)
    own = [one for one in heard["ollama"].offered if at_home and not runs_elsewhere(one)]
    largest = _largest([one for one in own if can_chat(one)], url)
    models: list[Model] = []
    for one in heard["ollama"].offered:
        local = one in own
        room = one.context_tokens or settings.ollama_context_tokens
        context = min(room, settings.ollama_context_tokens) if local else room
        types = _types_of(one.name, "ollama", settings, is_default=one.name == largest) if local else None
        models.append(
            Model(
                vendor="ollama",
                name=one.name,
                place=Place.LOCAL if local else Place.COMMERCIAL,
                host=urlsplit(one.remote_host or url).netloc or one.remote_host or "",
                context_tokens=context,
                max_output_tokens=min(LOCAL_OUTPUT_TOKENS, context // 2),
                rates=FREE if local else prices.rates("ollama", one.name),
                task_types=types if can_chat(one) else frozenset(),
                cloud=runs_elsewhere(one),
            )
        )
    return models


def _of_compatible(settings: Settings, heard: Mapping[str, Heard], prices: Prices) -> list[Model]:
    url = settings.compatible_url
    if url is None or "compatible" not in heard:
        return []
    local = is_local(url, settings)
    offered = {one.name: one for one in heard["compatible"].offered}
    models: list[Model] = []
    for name in settings.compatible_models or offered:
        one = offered.get(name, Offered(name))
        context = one.context_tokens or settings.ollama_context_tokens
        types = _types_of(name, "compatible", settings, is_default=True) if local else None
        models.append(
            Model(
                vendor="compatible",
                name=name,
                place=Place.LOCAL if local else Place.COMMERCIAL,
                host=urlsplit(url).netloc.rpartition("@")[2],
                context_tokens=context,
                max_output_tokens=min(LOCAL_OUTPUT_TOKENS, context // 2),
                rates=FREE if local else prices.rates("compatible", name),
                task_types=types if can_chat(one) else frozenset(),
            )
        )
    return models


def _commercial(vendor: str, name: str, heard: Heard, settings: Settings, prices: Prices) -> Model:
    one = offered_as(heard, name) or Offered(name)
    return Model(
        vendor=vendor,
        name=name,
        place=Place.COMMERCIAL,
        host=_host(vendor, settings),
        context_tokens=one.context_tokens or COMMERCIAL_CONTEXT_TOKENS[vendor],
        max_output_tokens=one.max_output_tokens or COMMERCIAL_OUTPUT_TOKENS,
        rates=prices.rates(vendor, name),
        task_types=None if can_chat(one) else frozenset(),
    )


def _embedding(vendor: str, name: str, heard: Heard, settings: Settings, prices: Prices) -> Model:
    one = offered_as(heard, name) or Offered(name)
    local = vendor == "compatible" and is_local(settings.compatible_url or "", settings)
    return Model(
        vendor=vendor,
        name=name,
        place=Place.LOCAL if local else Place.COMMERCIAL,
        host=_host(vendor, settings),
        context_tokens=one.context_tokens or 8_192,
        max_output_tokens=0,
        rates=FREE if local else prices.rates(vendor, name),
        task_types=frozenset(),
    )


def _types_of(name: str, vendor: str, settings: Settings, *, is_default: bool) -> frozenset[TaskType] | None:
    """The types that a local model takes; None for all. What MOTIF_LOCAL_MODELS leaves out goes to the default one."""
    takes = local_takes(settings)

    def is_it(wanted: str) -> bool:
        return wanted in {name, f"{vendor}/{name}"} or (vendor == "ollama" and named(_bare(wanted)) == named(name))

    if not takes:
        return None if is_default else frozenset()
    fallback = is_it(takes[DEFAULT]) if DEFAULT in takes else is_default
    return frozenset(kind for kind in TaskType if (is_it(takes[kind]) if kind in takes else fallback))


def _largest(models: Iterable[Offered], url: str) -> str | None:
    """The largest that fits into this machine's memory, where it runs here; the smallest where none does."""
    by_size = sorted(models, key=lambda one: (one.size_bytes or 0, one.name))
    if not by_size:
        return None
    memory = _memory_bytes() if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"} else None
    fitting = [one for one in by_size if memory is None or (one.size_bytes or 0) <= MEMORY_SHARE * memory]
    return fitting[-1].name if fitting else by_size[0].name


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _bare(name: str) -> str:
    vendor, _, rest = name.partition("/")
    return rest if vendor in {"ollama", "compatible"} and rest else name


def _host(vendor: str, settings: Settings) -> str:
    given = {
        "anthropic": settings.anthropic_url or "https://api.anthropic.com",
        "openai": settings.openai_url or "https://api.openai.com",
        "compatible": settings.compatible_url or "",
    }
    return urlsplit(given[vendor]).netloc.rpartition("@")[2]


def _name(offered: Offered) -> str:
    return offered.name
