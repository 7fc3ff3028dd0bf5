"""What there is to say of each model and vendor: where it really runs, what it costs, what is wrong, what to do."""

import asyncio
from collections.abc import Mapping
from typing import Literal

import msgspec

from routing.catalog import Catalog, Model, Place
from routing.errors import KeyRefused, ModelMissing, VendorError
from routing.price import NUSD, Rates
from routing.task import TaskType
from routing.vendors.base import Offered
from service.errors import ConfigurationError
from service.models.discovery import can_chat, catalog_of, check_named, offered_as
from service.models.errors import vendor_fix
from service.models.prices import known_prices
from service.models.vendors import Heard, ask_vendors, ollama_url_of, open_vendors
from service.settings import Settings

Status = Literal["ok", "warn", "fail", "off"]

UNPRICED = "unpriced: refused"


class Price(msgspec.Struct, frozen=True):
    """Dollars for a million tokens, of the smallest calls. `tiers` above 1: larger calls cost another price."""

    input_usd: str
    output_usd: str
    version: str
    tiers: int = 1


class ModelLine(msgspec.Struct, frozen=True):
    """One model. `takes` empty: no tasks. `price` None: nobody knows it, so that a commercial model is refused.

    `reachable`: its vendor answers and has it; else `trouble` is the code of what is wrong. `why` says why it counts as
    local or commercial.
    """

    model: str
    place: Place
    why: str
    host: str
    reachable: bool
    context_tokens: int
    can: tuple[str, ...]
    takes: tuple[str, ...]
    price: Price | None
    note: str = ""
    trouble: str = ""


class Probe(msgspec.Struct, frozen=True):
    """What came of asking a model. `result`: ok, or the code of what went wrong."""

    model: str
    result: str
    latency_ms: int = 0
    cost_nusd: int = 0
    estimated: bool = False
    detail: str = ""
    fix: str = ""


class VendorLine(msgspec.Struct, frozen=True):
    """One vendor, or one thing that all need. `off`: not set up, which is no fault."""

    name: str
    status: Status
    detail: str
    fix: str = ""


class Seen(msgspec.Struct, frozen=True):
    """What the vendors said when they were asked, and the catalog that comes of it."""

    heard: Mapping[str, Heard]
    catalog: Catalog


async def look(settings: Settings) -> Seen:
    """Ask every vendor what it has, without a database; raises ConfigurationError for addresses and prices."""
    prices = await asyncio.to_thread(known_prices, settings)
    vendors = await asyncio.to_thread(open_vendors, settings)
    try:
        heard = await ask_vendors(vendors)
    finally:
        for vendor in vendors.values():
            await vendor.close()
    return Seen(heard, catalog_of(settings, heard, prices))


def model_lines(settings: Settings, heard: Mapping[str, Heard], catalog: Catalog) -> list[ModelLine]:
    """Every model of the catalog, local ones first, in the order of their names."""
    in_order = sorted(catalog.models, key=lambda model: (model.place is not Place.LOCAL, model.ref))
    return [_model_line(model, settings, heard[model.vendor]) for model in in_order]


def vendor_lines(
    settings: Settings, heard: Mapping[str, Heard], catalog: Catalog, *, limited: bool | None
) -> list[VendorLine]:
    """Every vendor, then the settings and the budget. `limited`: whether a limit is set; None where it is not known."""
    lines = [_vendor_line(name, settings, heard, catalog) for name in ("ollama", "compatible", "anthropic", "openai")]
    try:
        check_named(settings, heard)
    except ConfigurationError as error:
        lines.append(VendorLine("settings", "fail", error.message, error.fix))
    commercial = [model for model in catalog.models if model.place is not Place.LOCAL]
    if limited:
        lines.append(VendorLine("budget", "ok", "a limit is set: `motif costs report` shows what is left"))
    elif limited is not None and commercial:
        detail = "no limit was ever set, so nothing commercial is spent"
        lines.append(VendorLine("budget", "warn", detail, "Set one with `motif budget set`, if models may cost."))
    if not any(_takes_any(model) for model in catalog.models):
        detail = "no model takes any task: the built-in extractor does the work"
        lines.append(VendorLine("tasks", "ok", detail, "docs/models.md says how to set one up."))
    return lines


def _vendor_line(name: str, settings: Settings, heard: Mapping[str, Heard], catalog: Catalog) -> VendorLine:
    if name not in heard:
        return VendorLine(name, "off", *_OFF[name])
    said = heard[name]
    own = [model for model in catalog.models if model.vendor == name]
    if said.error is not None:
        return _silent(name, settings, said.error)
    if missing := [model.name for model in own if said.offered and offered_as(said, model.name) is None]:
        detail = f"answers, and does not have {', '.join(missing)}"
        return VendorLine(name, "warn", detail, f"Change MOTIF_{name.upper()}_MODELS.")
    if not any(_takes_any(model) for model in own):
        fix = "Install one (`ollama pull qwen3:8b`)." if name == "ollama" else f"Set MOTIF_{name.upper()}_MODELS."
        return VendorLine(name, "warn", "answers, and no model of it takes tasks", fix)
    return VendorLine(name, "ok", _counted(own))


def _silent(name: str, settings: Settings, error: VendorError) -> VendorLine:
    if name == "ollama" and "ollama_url" not in settings.model_fields_set:
        # One that nobody asked for is not there on most machines.
        detail = f"nothing answers at {ollama_url_of(settings)}"
        return VendorLine(name, "off", detail, "Install Ollama and a model to have tasks done on this machine.")
    if isinstance(error, KeyRefused) and name == "compatible" and settings.compatible_api_key is None:
        return VendorLine(name, "fail", "wants a key", "Set MOTIF_COMPATIBLE_API_KEY.")
    return VendorLine(name, "fail", error.message.removeprefix(f"{name} "), vendor_fix(error, name))


def _model_line(model: Model, settings: Settings, heard: Heard) -> ModelLine:
    offered = offered_as(heard, model.name) or Offered(model.name)
    chats = can_chat(offered)
    takes = (
        tuple(TaskType) if model.task_types is None else tuple(kind for kind in TaskType if kind in model.task_types)
    )
    local = model.place is Place.LOCAL
    has_it = not heard.offered or offered_as(heard, model.name) is not None
    note = ""
    if not local and model.rates is None:
        note, takes = UNPRICED, ()
    elif not chats:
        note = "makes vectors, takes no tasks"
    elif not takes:
        note = "another local model takes the tasks"
    return ModelLine(
        model=model.ref,
        place=model.place,
        why=_why(model),
        host=model.host,
        reachable=heard.error is None and has_it,
        context_tokens=model.context_tokens,
        can=tuple(sorted(offered.capabilities)) or (("completion",) if chats else ("embedding",)),
        takes=tuple(kind.value for kind in takes),
        price=_price(model.rates) if model.rates is not None else None,
        note=note,
        trouble=heard.error.code if heard.error is not None else "" if has_it else ModelMissing.code,
    )


def _why(model: Model) -> str:
    if model.place is Place.LOCAL:
        return "MOTIF_LOCAL_HOSTS names its host, and it runs there"
    if model.cloud:
        return "Ollama hands it on to its cloud"
    if model.vendor in {"ollama", "compatible"}:
        return "MOTIF_LOCAL_HOSTS does not name its host"
    return "runs at its vendor"


def _price(rates: Rates) -> Price:
    first = rates.tiers[0]
    return Price(_usd(first.input), _usd(first.output), rates.version, len(rates.tiers))


def _usd(nusd: int) -> str:
    dollars, rest = divmod(nusd, NUSD)
    return f"{dollars}.{f'{rest:09}'.rstrip('0').ljust(2, '0')}"


def _takes_any(model: Model) -> bool:
    return model.task_types != frozenset() and (model.place is Place.LOCAL or model.rates is not None)


def _counted(models: list[Model]) -> str:
    local = sum(model.place is Place.LOCAL for model in models)
    unpriced = sum(model.place is not Place.LOCAL and model.rates is None for model in models)
    parts = [f"{local} local"] if local else []
    parts += [f"{len(models) - local} commercial"] if len(models) > local else []
    parts += [f"of which {unpriced} unpriced and so refused"] if unpriced else []
    return f"answers: {', '.join(parts)}"


_OFF: Mapping[str, tuple[str, str]] = {
    "ollama": ("not used", "Set MOTIF_OLLAMA_URL to where one answers."),
    "compatible": ("none set", "Set MOTIF_COMPATIBLE_URL to use vLLM, llama.cpp or LM Studio."),
    "anthropic": ("no key, so it is never asked", "Set MOTIF_ANTHROPIC_API_KEY to use it."),
    "openai": ("no key, so it is never asked", "Set MOTIF_OPENAI_API_KEY to use it."),
}
