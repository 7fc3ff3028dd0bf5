"""The vendor's model that MOTIF_EMBEDDING_MODEL names, if it names one: `openai:text-embedding-3-small`. Pure."""

from service.errors import ConfigurationError
from service.settings import Settings

VENDORS = ("ollama", "openai", "compatible")
"""Those that turn texts into vectors."""


def vendor_model(settings: Settings) -> tuple[str, str] | None:
    """Vendor and the model's name there; None for a model in this process, or none at all.

    Raises ConfigurationError for Anthropic, which has no such models, and where the name is missing.
    """
    vendor, colon, name = (part.strip() for part in settings.embedding_model.strip().partition(":"))
    if not colon or vendor not in (*VENDORS, "anthropic"):
        return None
    if vendor == "anthropic":
        raise ConfigurationError(
            "MOTIF_EMBEDDING_MODEL names anthropic, which offers no embeddings.",
            fix=f"Name one of {', '.join(VENDORS)}, or a sentence-transformers model.",
        )
    if not name:
        raise ConfigurationError(f"MOTIF_EMBEDDING_MODEL names no model of {vendor}.", fix=f"Write `{vendor}:NAME`.")
    return vendor, name
