"""The wire: `from wire.server import wire_server` (tests are on pytest's path), or `python -m wire` with tests on it.

    async with wire_server(seed=1) as wire:
        wire.url + "/ollama", wire.url + "/anthropic", wire.url + "/openai/v1", wire.url + "/compatible/v1"

Takes a request through key, limits, format, script and model to a reply, and charges at the moment the model begins.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import msgspec

from wire import anthropic, control, failures, ollama, openai
from wire.bill import Bill, Charge, Price
from wire.connection import Connection
from wire.exchange import Asked, Operation, Refused, Reply, Request, Said
from wire.limits import Gate, Latency, Limits
from wire.models import OFFERS, Offer, say_least
from wire.script import Script, Step
from wire.tally import tally

SPEAKERS: dict[str, ModuleType] = {"ollama": ollama, "anthropic": anthropic, "openai": openai, "compatible": openai}
KEYLESS = frozenset({"ollama", "compatible"})

Answerer = Callable[[Asked], Any]
"""From what is asked to a Said, a str (the text as it is), or anything that JSON can hold (the answer)."""


class Seen(msgspec.Struct):
    """A request, whatever came of it. `status`: of the reply; `delivered`: whether the client got all of it."""

    number: int
    at_s: float
    vendor: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    raw: bytes
    status: int = 0
    delivered: bool | None = None


class Wire:
    """The vendors, as their clients see them; and the knobs that only a test has."""

    def __init__(
        self,
        *,
        seed: int = 0,
        prices: Mapping[str, Price] | None = None,
        offers: Sequence[Offer] = OFFERS,
        answers: Mapping[str, Any] | None = None,
        keys: Collection[str] | None = None,
        latency: Latency | Mapping[str, Latency] | None = None,
        limits: Limits | Mapping[str, Limits] | None = None,
        remember: bool = True,
    ) -> None:
        """`answers`, `latency`: by model name; a Latency alone is that of all. `limits`: by vendor. `keys`: those that
        are good, None for all but those that begin with "wrong". `remember` False keeps no requests (long runs)."""
        self.url = ""
        self.bill = Bill(prices)
        self.requests: list[Seen] = []
        self.answers: dict[str, Any] = dict(answers or {})
        self.offers: list[Offer] = list(offers)
        self.steps = Script(seed)
        self._keys = keys
        self._latency = latency or Latency()
        self._gates = {name: Gate(_of(limits, name) or Limits()) for name in SPEAKERS}
        self._asked: dict[str, int] = {}
        self._numbers = itertools.count()
        self._remember = remember
        self._held: set[Connection] = set()
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()
        self.arrived_count = 0
        self.departed_count = 0

    def fail(self, vendor: str, failure: str, *, model: str = "", times: int | None = None, **rest: Any) -> None:
        """Have requests of a vendor fail so; `times` None for good. `rest`: other fields of Step."""
        self.script(Step(vendor=vendor, model=model, failure=failure, times=times, **rest))

    def script(self, *steps: Step) -> None:
        """Lay down what happens to the requests to come."""
        for step in steps:
            if step.failure and step.failure not in failures.NAMES:
                raise ValueError(f"no failure is called {step.failure}")
            self.steps.add(step)

    def answer(self, model: str, what: Any) -> None:
        """What a model answers from now on: an Answerer, a Said, a str, or anything that JSON can hold."""
        self.answers[model] = what

    def let_go(self) -> None:
        """Send every answer that is held."""
        for connection in list(self._held):
            connection.let_go()

    async def arrived(self, count: int = 1) -> None:
        """Wait until so many requests have come, from the beginning."""
        await self._until(lambda: self.arrived_count >= count)

    async def departed(self, count: int = 1) -> None:
        """Wait until so many clients went away before they had their answer, from the beginning."""
        await self._until(lambda: self.departed_count >= count)

    async def listen(self, port: int = 0) -> None:
        """Take connections on a loopback port; 0 chooses one, and after `refuse` the one it had."""
        loop = asyncio.get_running_loop()
        had = int(self.url.rpartition(":")[2]) if self.url else port
        self._server = await loop.create_server(
            lambda: Connection(self.handle, self._held, self._open), "127.0.0.1", had, backlog=1024
        )
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def refuse(self) -> None:
        """Take no connections any more and cut those that are open; `listen` ends it."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._open):
            connection.close()
        await asyncio.sleep(0)  # the transports say that they are gone in the next turn of the loop

    def handle(self, request: Request) -> Reply:
        """The reply to one request."""
        prefix, _, rest = request.path.lstrip("/").partition("/")
        if prefix == "control":
            return control.handle(self, request, rest)
        speaker = SPEAKERS.get(prefix)
        if speaker is None:
            return Reply(404, b'{"error":"no vendor has this prefix"}')
        seen = self._see(prefix, request, "/" + rest)
        request_id = f"req_{seen.number:024d}"
        key = speaker.key_of(request.headers) or ""
        gate = self._gates[prefix]
        model = seen.body.get("model", "") if isinstance(seen.body, dict) else ""
        try:
            self._check_key(prefix, key)
            wait_s = gate.enter(key)
            if wait_s is not None:
                reply = self._refusal(speaker, Refused("rate_limited"), model, request_id, retry_after_s=wait_s)
                return self._watch(reply, seen, None)
        except Refused as refused:
            return self._watch(self._refusal(speaker, refused, model, request_id), seen, None)
        charges: list[Charge] = []
        try:
            reply = self._serve(prefix, speaker, request, seen, request_id, key, charges)
        except Refused as refused:
            reply = self._refusal(speaker, refused, model, request_id)
        reply.headers = [*speaker.headers(request_id, gate.state(key)), *reply.headers]
        charge = charges[0] if charges else None
        return self._watch(reply, seen, charge, leave=lambda: gate.leave(key))

    def _serve(
        self,
        vendor: str,
        speaker: ModuleType,
        request: Request,
        seen: Seen,
        request_id: str,
        key: str,
        charges: list[Charge],
    ) -> Reply:
        path = seen.path
        operation: Operation | None = speaker.PATHS.get((seen.method, path))
        if operation is None and seen.method == "GET" and path.startswith("/v1/models/"):
            operation = "list"
        if operation is None:
            raise Refused("path_missing")
        if not isinstance(seen.body, dict):
            raise Refused("request_invalid", "We could not parse the JSON body of your request.")
        own = [offer for offer in self.offers if offer.vendor == vendor]
        if operation in {"list", "other"}:
            asked = Asked(vendor, operation, "", seen.body, key=key)
            step = self.steps.take(asked, self.steps.draw(asked))
            if step is not None and step.failure in failures.STATUSES:
                return self._stepped_refusal(speaker, step, asked, request_id)
            what = speaker.about(path, seen.body, own)
            reply = Reply(body=msgspec.json.encode({**what, **step.extra} if step and step.extra else what))
            if step is not None:
                self._break(reply, step)
            return reply
        asked = speaker.read(request, path, seen.body)
        asked.vendor, asked.key = vendor, key
        bare = asked.model.removesuffix(":latest")
        offer = next((offer for offer in own if offer.name.removesuffix(":latest") == bare), None)
        if offer is None and (asked.model in self.answers or bare in self.answers):
            offer = Offer(vendor, asked.model)
        if offer is None:
            raise Refused("model_missing")
        asked.number = self._asked.get(asked.model, 0)
        self._asked[asked.model] = asked.number + 1
        chance = self.steps.draw(asked)
        step = self.steps.take(asked, chance) or Step()
        if step.failure in failures.STATUSES:
            return self._stepped_refusal(speaker, step, asked, request_id)
        said = self._said(asked, offer, step)
        schema_bytes = len(msgspec.json.encode(asked.schema)) if asked.strict else 0
        counted = tally(asked, said, schema_bytes)
        way = failures.WAYS.get(step.failure)
        charged = (way is None or way.charged) if step.charges is None else step.charges
        if charged and asked.operation != "count":
            billed = said.model if f"{vendor}/{said.model}" in self.bill.prices else offer.name
            charges.append(
                self.bill.charge(
                    vendor,
                    billed,
                    key,
                    input_tokens=counted.input_tokens,
                    output_tokens=counted.output_tokens,
                    cached=counted.cached_tokens,
                    written=counted.cache_write_tokens,
                )
            )
        whole = speaker.write(asked, said, counted, offer)
        reply = Reply(hold=step.hold)
        if asked.stream:
            broken = _status(vendor, "overloaded") if step.failure == failures.STREAM else None
            reply.chunks, reply.content_type = speaker.stream(whole, broken=broken), speaker.STREAM_TYPE
        else:
            reply.body = msgspec.json.encode(whole)
        latency = self._latency if isinstance(self._latency, Latency) else self._latency.get(asked.model, Latency())
        reply.wait_s = latency.draw(chance, counted.output_tokens) if step.wait_ms is None else step.wait_ms / 1000
        self._break(reply, step)
        return reply

    def _said(self, asked: Asked, offer: Offer, step: Step) -> Said:
        names = (asked.model, asked.model.removesuffix(":latest"), offer.name)
        what: Any = next((self.answers[name] for name in names if name in self.answers), say_least)
        if step.text is not None:
            what = step.text
        elif step.answer is not msgspec.UNSET:
            what = Said(text=msgspec.json.encode(step.answer).decode())
        elif what is say_least or asked.operation == "embed":
            what = say_least(asked, offer)
        elif callable(what):
            what = what(asked)
        if isinstance(what, Said):
            said = msgspec.structs.replace(what)
        else:
            said = Said(text=what if isinstance(what, str) else msgspec.json.encode(what).decode())
        for field in ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"):
            if getattr(step, field):
                setattr(said, field, getattr(step, field))
        said.model = step.answered_by or said.model
        said.extra = {**said.extra, **step.extra}
        shape = failures.ANSWERS.get(step.failure)
        if shape is not None:
            shape(asked, said)
        if asked.room_tokens is not None and asked.most_output_tokens and asked.most_output_tokens > 0:
            _cut_at_most(asked, said)
        return said

    def _break(self, reply: Reply, step: Step) -> None:
        way = failures.WAYS.get(step.failure)
        if way is not None:
            if step.wait_ms is not None:
                reply.wait_s = step.wait_ms / 1000
            if not (step.failure == "slow" and step.wait_ms is not None):
                way.breaks(reply)

    def _check_key(self, vendor: str, key: str) -> None:
        if vendor in KEYLESS:
            return
        if not key:
            raise Refused("key_missing")
        if (self._keys is not None and key not in self._keys) or (self._keys is None and key.startswith("wrong")):
            raise Refused("key_wrong")

    def _stepped_refusal(self, speaker: ModuleType, step: Step, asked: Asked, request_id: str) -> Reply:
        refused = Refused(step.failure, step.message)
        reply = self._refusal(speaker, refused, asked.model, request_id, retry_after_s=step.retry_after_s)
        reply.wait_s, reply.hold = (step.wait_ms or 0) / 1000, step.hold
        return reply

    def _refusal(
        self, speaker: ModuleType, refused: Refused, model: str, request_id: str, *, retry_after_s: float | None = None
    ) -> Reply:
        status = _status(speaker.VENDOR, refused.kind)
        if refused.message:
            status = status._replace(message=refused.message.replace("{", "{{").replace("}", "}}"))
        body = msgspec.json.encode(speaker.error(status, model, refused.param, request_id))
        again = [] if retry_after_s is None else [("retry-after", str(max(round(retry_after_s), 0)))]
        return Reply(status.status, body, again)

    def _see(self, vendor: str, request: Request, path: str) -> Seen:
        try:
            body = msgspec.json.decode(request.body) if request.body else {}
        except msgspec.DecodeError:
            body = None
        number = next(self._numbers)
        seen = Seen(number, time.time(), vendor, request.method, path, request.headers, body, request.body)
        if self._remember:
            self.requests.append(seen)
        self.arrived_count += 1
        self._changed.set()
        return seen

    def _watch(self, reply: Reply, seen: Seen, charge: Charge | None, leave: Callable[[], None] | None = None) -> Reply:
        def ended(delivered: bool) -> None:
            seen.delivered = delivered
            if charge is not None:
                charge.delivered = delivered
            if leave is not None:
                leave()
            if not delivered and reply.cut_after is None:
                self.departed_count += 1
                self._changed.set()

        seen.status = reply.status
        reply.ended = ended
        return reply

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._changed.clear()
            await self._changed.wait()


@asynccontextmanager
async def wire_server(*, port: int = 0, **rest: Any) -> AsyncIterator[Wire]:
    """The vendors on a loopback port of this process and loop. `rest`: what Wire takes."""
    wire = Wire(**rest)
    await wire.listen(port)
    try:
        yield wire
    finally:
        await wire.refuse()


def _of(limits: Limits | Mapping[str, Limits] | None, vendor: str) -> Limits | None:
    return limits.get(vendor) if isinstance(limits, Mapping) else limits


def _status(vendor: str, kind: str) -> failures.Status:
    return failures.STATUSES[kind]["openai" if vendor == "compatible" else vendor]


def _cut_at_most(asked: Asked, said: Said) -> None:
    """An Ollama stops at num_predict, and says so."""
    most = (asked.most_output_tokens or 0) * 4
    if said.output_tokens is None and len(said.text.encode()) > most:
        said.text, said.stop = said.text.encode()[:most].decode(errors="ignore"), "length"
