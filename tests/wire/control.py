"""The knobs over HTTP, for processes that share one wire: POST /control/script, GET /control/bill."""

from typing import TYPE_CHECKING, Any

import msgspec

from wire.exchange import Reply, Request
from wire.script import Step

if TYPE_CHECKING:
    from wire.server import Wire


class Summary(msgspec.Struct):
    """The bill, in short. `undelivered_nusd`: charged for answers that nobody was there to take.

    `open_by_key`: charged calls of each key whose answer is still to come.
    """

    total_nusd: int
    calls: int
    undelivered_nusd: int
    unpriced: list[str]
    by_model: dict[str, int]
    by_key: dict[str, int]
    open_by_key: dict[str, int]


def summary(wire: "Wire") -> Summary:
    """The bill as it stands now."""
    by_model: dict[str, int] = {}
    by_key: dict[str, int] = {}
    open_by_key: dict[str, int] = {}
    undelivered = 0
    for row in wire.bill.charges:
        ref = f"{row.vendor}/{row.model}"
        by_model[ref] = by_model.get(ref, 0) + row.cost_nusd
        by_key[row.key] = by_key.get(row.key, 0) + row.cost_nusd
        if row.delivered is None:
            open_by_key[row.key] = open_by_key.get(row.key, 0) + 1
        undelivered += row.cost_nusd if row.delivered is False else 0
    return Summary(
        total_nusd=wire.bill.total_nusd,
        calls=len(wire.bill.charges),
        undelivered_nusd=undelivered,
        unpriced=sorted(wire.bill.unpriced),
        by_model=by_model,
        by_key=by_key,
        open_by_key=open_by_key,
    )


def handle(wire: "Wire", request: Request, path: str) -> Reply:
    """One turn of a knob; what it does not know is a 404, what it does not take a 400."""
    try:
        return Reply(body=msgspec.json.encode(_turn(wire, request, path)))
    except KeyError:
        return Reply(404, b'{"error":"no such knob"}')
    except (msgspec.MsgspecError, ValueError) as error:
        return Reply(400, msgspec.json.encode({"error": str(error)}))


def _turn(wire: "Wire", request: Request, path: str) -> Any:  # noqa: PLR0911 - one a knob
    match request.method, path:
        case "POST", "script":
            steps = msgspec.json.decode(request.body, type=list[Step])
            wire.script(*steps)
            return {"laid_down": len(steps)}
        case "DELETE", "script":
            wire.steps.clear()
            return {}
        case "POST", "answers":
            wire.answers.update(msgspec.json.decode(request.body, type=dict[str, Any]))
            return {}
        case "POST", "let_go":
            wire.let_go()
            return {}
        case "GET", "total":
            return {"total_nusd": wire.bill.total_nusd, "calls": len(wire.bill.charges)}
        case "GET", "bill":
            return summary(wire)
        case "GET", "charges":
            return wire.bill.charges
        case "GET", "requests":
            return [
                {field: getattr(seen, field) for field in ("number", "vendor", "method", "path", "status", "delivered")}
                | {"headers": _without_keys(seen.headers), "body": seen.body}
                for seen in wire.requests
            ]
    raise KeyError(path)


def _without_keys(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in {"authorization", "x-api-key"}}
