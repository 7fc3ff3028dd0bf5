"""Models with stated faults and the tasks they are given. Every answer follows from seed, task and model alone."""

import hashlib
from collections.abc import Mapping, Sequence
from random import Random

import msgspec

from routing.catalog import Model, Place
from routing.price import FREE, Rates, Tier
from routing.task import BANDS, Complexity, Prompt, Task, TaskType, band_of, input_hash

INPUT_TOKENS, OUTPUT_TOKENS, MOST_TOKENS = 1_500, 200, 1_000


class Faults(msgspec.Struct, frozen=True):
    """Shares of answers by band of true difficulty, easiest first; what is left over is right.

    `invalid`: no JSON. `ungrounded`: a quote that stands nowhere. `wrong`: passes every check and is wrong all the
    same. `slow`: no answer in time.
    """

    invalid: Sequence[float]
    ungrounded: Sequence[float]
    wrong: Sequence[float]
    slow: Sequence[float]

    def right(self, band: int) -> float:
        """Share of right answers."""
        return 1 - self.invalid[band] - self.ungrounded[band] - self.wrong[band] - self.slow[band]

    def draw(self, band: int, chance: float) -> str:
        """What comes of one answer: the luckier the chance (towards 0), the better."""
        for kind, share in (
            ("right", self.right(band)),
            ("wrong", self.wrong[band]),
            ("ungrounded", self.ungrounded[band]),
            ("invalid", self.invalid[band]),
        ):
            if chance < share:
                return kind
            chance -= share
        return "slow"


LOCAL = Faults(
    invalid=(0.02, 0.03, 0.05, 0.08, 0.12),
    ungrounded=(0.02, 0.04, 0.08, 0.16, 0.24),
    wrong=(0.01, 0.02, 0.04, 0.09, 0.18),
    slow=(0.01, 0.01, 0.02, 0.03, 0.05),
)
BAD_LOCAL = Faults(
    invalid=(0.15, 0.20, 0.25, 0.30, 0.35),
    ungrounded=(0.20, 0.25, 0.30, 0.30, 0.30),
    wrong=(0.10, 0.12, 0.15, 0.18, 0.20),
    slow=(0.05, 0.05, 0.05, 0.05, 0.05),
)
SMOOTH_LOCAL = Faults(  # its faults are seldom seen: nearly all of its bad answers pass the checks
    invalid=(0.01, 0.01, 0.01, 0.02, 0.02),
    ungrounded=(0.01, 0.01, 0.02, 0.02, 0.03),
    wrong=(0.05, 0.10, 0.20, 0.35, 0.50),
    slow=(0.01, 0.01, 0.01, 0.01, 0.01),
)
CHEAP = Faults(
    invalid=(0.005, 0.005, 0.01, 0.015, 0.02),
    ungrounded=(0.01, 0.015, 0.02, 0.04, 0.07),
    wrong=(0.01, 0.015, 0.03, 0.06, 0.11),
    slow=(0.005,) * BANDS,
)
STRONG = Faults(
    invalid=(0.002,) * BANDS,
    ungrounded=(0.004, 0.005, 0.007, 0.01, 0.02),
    wrong=(0.004, 0.006, 0.01, 0.02, 0.035),
    slow=(0.003,) * BANDS,
)


def _rates(input_usd: float, output_usd: float) -> Rates:
    tier = Tier(round(input_usd * 1e9), round(output_usd * 1e9), round(input_usd * 1e8), round(input_usd * 1.25e9))
    return Rates((tier,), "stated")


LOCAL_MODEL = Model("ollama", "local", Place.LOCAL, "", 16_384, 4_096, FREE)
CHEAP_MODEL = Model("anthropic", "cheap", Place.COMMERCIAL, "", 200_000, 8_192, _rates(0.1, 0.5))
STRONG_MODEL = Model("anthropic", "strong", Place.COMMERCIAL, "", 200_000, 8_192, _rates(4, 20))


class Fleet(msgspec.Struct, frozen=True):
    """Models and their faults. The dearest is the strong one that all is measured against."""

    name: str
    about: str
    models: Mapping[str, tuple[Model, Faults]]


def _fleet(name: str, about: str, local: Faults, *, cheap: bool = True) -> Fleet:
    models = {"local": (LOCAL_MODEL, local), "strong": (STRONG_MODEL, STRONG)}
    return Fleet(name, about, models | ({"cheap": (CHEAP_MODEL, CHEAP)} if cheap else {}))


FLEETS = (
    _fleet("usual", "a local model that is good at easy tasks, a cheap and a strong commercial one", LOCAL),
    _fleet("no cheap one", "the same without the cheap one", LOCAL, cheap=False),
    _fleet("bad local", "a local model that is bad at everything", BAD_LOCAL),
    _fleet("smooth local", "a local model whose bad answers nearly all pass the checks", SMOOTH_LOCAL),
)

_TYPES: Mapping[TaskType, float] = {
    TaskType.PATTERN_EXTRACTION: 0.40,
    TaskType.CONTENT_ANALYSIS: 0.30,
    TaskType.RELATIONSHIP_MAPPING: 0.18,
    TaskType.DECISION_MAKING: 0.05,
    TaskType.STRATEGIC_ANALYSIS: 0.04,
    TaskType.COMPLEX_REASONING: 0.03,
}


class Finding(msgspec.Struct, frozen=True):
    """What a model is asked for: a quote, and an answer that is right or not."""

    quote: str
    right: bool


class Job(msgspec.Struct, frozen=True):
    """A task and how hard it truly is, which nobody is told; the scorer sees it with an error of .15."""

    number: int
    task: Task
    band: int


def jobs(seed: int, number: int) -> list[Job]:
    """Tasks, more easy ones than hard ones (a mean difficulty of .37)."""
    chance = Random(f"jobs {seed}")  # noqa: S311
    made: list[Job] = []
    for index in range(number):
        type_ = chance.choices(list(_TYPES), list(_TYPES.values()))[0]
        hard = chance.betavariate(1.3, 2.2)
        seen = min(max(hard + chance.gauss(0, 0.15), 0.0), 1.0)
        text = f"Job {index} of {seed}: they retry what failed."
        prompt = Prompt("finding", "Answer in JSON.", text, Finding, MOST_TOKENS)
        task = Task(type_, prompt, Complexity(seen, {}, "stated"), vendors=None, input_hash=input_hash([text]))
        made.append(Job(index, task, band_of(hard)))
    return made


def fate(fleet: Fleet, seed: int, job: Job, model: str) -> str:
    """What a model answers to a job: half of the chance is the job's own, the same for all models."""
    shared = _draw(seed, job.number, "which") < 0.5
    return fleet.models[model][1].draw(job.band, _draw(seed, job.number, "" if shared else model))


def answer(what: str, job: Job) -> str:
    """The words of such an answer."""
    if what == "invalid":
        return "I think that they retry."
    quote = "they never said" if what == "ungrounded" else "they retry"
    return msgspec.json.encode(Finding(quote, what == "right")).decode()


def _draw(seed: int, number: int, what: str) -> float:
    digest = hashlib.sha256(f"{seed}/{number}/{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
