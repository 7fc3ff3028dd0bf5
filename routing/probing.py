"""One tiny question to one model, to see whether it answers: held, sent and settled like any other call."""

import hashlib

import msgspec

from routing.attempt import Ask, Attempts, Made
from routing.budget import Call
from routing.catalog import Model, Place
from routing.errors import CatalogInvalid
from routing.price import worst_case_nusd
from routing.reasons import Reason
from routing.task import Prompt
from routing.vendors.base import Answer, Question, Vectors, Vendor, most_input_tokens

TASK_TYPE = "probe"
"""What stands in the ledger; no type of task, so that nothing is learned of the model."""

_TEXT = "Is anybody there?"


class Probed(msgspec.Struct, frozen=True):
    """The answer that is asked for."""

    answered: bool


PROMPT = Prompt(
    name="probe",
    system="Answer in JSON, as the schema says.",
    user=f"{_TEXT} Set answered to true.",
    answer=Probed,
    max_output_tokens=512,  # a model that thinks before it answers needs some of them for that
)


async def probe(model: Model, vendor: Vendor, attempts: Attempts, *, embeds: bool, timeout_s: float) -> Made:
    """Ask it, whether or not it is being left in peace. `embeds`: it makes vectors and answers no questions.

    Raises BudgetRefused or LedgerUnavailable where it may not be asked, CatalogInvalid where nobody knows its price.
    """
    local = model.place is Place.LOCAL
    if not local and model.rates is None:
        raise CatalogInvalid(f"Nobody knows what {model.ref} costs, so it is not asked.")
    question = Question(model.name, PROMPT, model.context_tokens, timeout_s)
    body = msgspec.json.encode([model.name, [_TEXT]]) if embeds else vendor.body(question)
    most_output = 0 if embeds else PROMPT.max_output_tokens
    call = Call(
        task_type=TASK_TYPE,
        reason=Reason.PROBED.value,
        vendor=model.vendor,
        model_asked=model.name,
        place=model.place,
        host=vendor.host,
        price_version=model.rates.version if model.rates else None,
        bytes_out=len(body),
        request_hash=hashlib.sha256(body).hexdigest(),
    )
    worst_case = (
        0 if local or model.rates is None else worst_case_nusd(most_input_tokens(body), most_output, model.rates)
    )

    async def ask() -> Answer | Vectors:
        if embeds:
            return await vendor.embed(model.name, [_TEXT], timeout_s=timeout_s)
        return await vendor.ask(question)

    return await attempts.make(
        Ask[Answer | Vectors](
            call=call,
            model=model,
            worst_case_nusd=worst_case,
            ask=ask,
            timeout_s=timeout_s,
            check=lambda _said: None,
            keep=lambda _said, _cost: None,
        )
    )
