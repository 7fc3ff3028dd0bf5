"""Errors of routing as errors of the service: what went wrong stays, and what to do about it is added."""

from collections.abc import Mapping

from routing.call_failed import CallFailed
from routing.errors import (
    BadAnswer,
    BudgetRefused,
    CatalogInvalid,
    KeyRefused,
    LedgerUnavailable,
    ModelMissing,
    OutOfCredit,
    RequestRefused,
    RoutingError,
    VendorError,
    VendorOverloaded,
    VendorRateLimited,
    VendorTimeout,
    VendorUnreachable,
)
from service.errors import (
    BudgetSpent,
    ConfigurationError,
    DatabaseUnavailable,
    ModelError,
    ModelsUnavailable,
    MotifError,
    VendorUnavailable,
)

_LOOK = "Run `motif models doctor`."


def as_motif_error(error: RoutingError) -> MotifError:
    """The error to show to a person: one line, and what to do."""
    said = error.message[:1].upper() + error.message[1:].rstrip(".") + "."
    match error:
        case CallFailed():
            asked = ", ".join(f"{attempt.model}: {attempt.result}" for attempt in error.attempts)
            return ModelsUnavailable(f"{said} Asked: {asked}." if asked else said, fix=_LOOK)
        case VendorError():
            return VendorUnavailable(said, fix=vendor_fix(error))
        case BudgetRefused():
            closed = "Set one: `motif budget set " + error.budget.replace(":", " ") + " --day 50`."
            spent = "`motif costs report` shows what is left; set a higher limit, or wait."
            return BudgetSpent(said, fix=closed if error.limit_nusd is None else spent)
        case LedgerUnavailable():
            return DatabaseUnavailable(said, fix="Run `motif doctor`.")
        case CatalogInvalid():
            return ConfigurationError(said, fix="See docs/models.md.")
        case _:
            return ModelError(said or "Something about language models.", fix=_LOOK)


def vendor_fix(error: VendorError, vendor: str = "") -> str:
    """What to do about a vendor's failure. `vendor`: as in Model.vendor, where it is known."""
    key = f"MOTIF_{vendor.upper()}_API_KEY" if vendor in {"anthropic", "openai", "compatible"} else "its key"
    url = f"MOTIF_{vendor.upper()}_URL" if vendor else "its address"
    tables = (_OLLAMA_FIXES, _FIXES) if vendor == "ollama" else (_FIXES,)
    fix = next(fix for table in tables for kind, fix in table.items() if isinstance(error, kind))
    return fix.format(key=key, url=url)


_WAIT = "Try again in a while; Motif does so by itself."
_FIXES: Mapping[type[VendorError], str] = {
    VendorUnreachable: "Check {url}, and the way there.",
    KeyRefused: "Correct {key}; the vendor's console shows which keys it has.",
    OutOfCredit: "Add credit at the vendor. It is left in peace for an hour.",
    ModelMissing: "Check {url} and the model's name; `motif models list` shows what there is.",
    VendorRateLimited: _WAIT,
    VendorOverloaded: _WAIT,
    VendorTimeout: _WAIT,
    RequestRefused: "Use another model: this one does not take what Motif asks for.",
    BadAnswer: "Use another model, if it stays so: this one does not answer as it is told to.",
    VendorError: "Check that {url} leads to the vendor's API, and try again.",
}
_OLLAMA_FIXES: Mapping[type[VendorError], str] = {
    VendorUnreachable: "Start it (`ollama serve`), correct {url}, or set that to none to do without.",
    KeyRefused: "Sign in where Ollama runs (`ollama signin`), or do without its cloud models.",
    VendorTimeout: "Look what it is busy with (`ollama ps`); a larger model than the machine holds takes minutes.",
}
