"""The embedder that the settings name, where that is a vendor's model."""

from collections.abc import Callable

from routing.errors import BudgetRefused
from routing.router import Router
from service.errors import ConfigurationError
from service.matching.embedder import SOURCE_DENIES
from service.matching.vendor_embedder import VendorEmbedder
from service.models.discovery import named
from service.models.embedding import vendor_model
from service.models.vendors import ollama_url_of
from service.settings import Settings
from service.storage.database import Database

_MISSING = {
    "ollama": "MOTIF_OLLAMA_URL is none.",
    "openai": "MOTIF_OPENAI_API_KEY is not set.",
    "compatible": "MOTIF_COMPATIBLE_URL is not set.",
}


def why_words(model_id: str, why: str) -> str:
    """What to tell people where texts have no vectors."""
    later = "Texts are found by their words meanwhile, and embedded by a later run."
    if why == SOURCE_DENIES:
        return f"{model_id} may not see texts of some sources; those are found by their words alone."
    if why == BudgetRefused.code:
        return f"{model_id} is not asked: no budget holds what it may cost. {later}"
    return f"{model_id} gives no vectors now ({why}). {later}"


def open_vendor_embedder(
    settings: Settings, router: Router, database: Database, *, heard: Callable[[str], object] = lambda _why: None
) -> VendorEmbedder | None:
    """The embedder of a vendor's model, which nothing is asked of yet; None where the settings name another.

    `heard` gets the code of why texts have no vectors, whenever that changes. Raises ConfigurationError where the
    vendor lacks its key or its address.
    """
    asked = vendor_model(settings)
    if asked is None:
        return None
    vendor, name = asked
    there = {
        "ollama": ollama_url_of(settings) is not None,
        "openai": settings.openai_api_key is not None,
        "compatible": settings.compatible_url is not None,
    }
    if not there[vendor]:
        raise ConfigurationError(
            f"MOTIF_EMBEDDING_MODEL names a model of {vendor}, but {_MISSING[vendor]}",
            fix="Set it, or MOTIF_EMBEDDING_MODEL=none.",
        )
    ref = f"{vendor}/{named(name) if vendor == 'ollama' else name}"
    return VendorEmbedder(f"{vendor}:{name}", ref, router, database, heard=heard)
