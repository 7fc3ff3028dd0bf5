"""What routing is worth: quality against cost on simulated fleets whose faults are stated (simulated/fleet.py).

    python benchmarks/fleet.py [--jobs 2000] [--seeds 1 2 3] [--wire 150]

Each way of routing gets the same tasks, and every model's answer to a task is the same whichever way asks: half of the
chance is the task's, half the model's own. Quality is the share of tasks answered rightly; an answer can pass every
check and be wrong. Costs are those of always asking the strong model. All calls go through the product's Router; its
ledger and memory are kept in the process (the protocols of routing/budget.py and outcome.py), so that thousands of
tasks take seconds. `--wire N` runs the first N tasks of each fleet once more through the vendors' SDKs over the wire,
and holds each task's end against the run within the process, and the ledger against the vendors' bill. Exit code 1
where a limit is missed on the usual fleet.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean

import msgspec

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/unit/routing"), str(ROOT / "benchmarks")]

from simulated.fleet import FLEETS, Fleet, Job, jobs  # noqa: E402
from simulated.house import House, wire_of  # noqa: E402

from routing.policy import RULES, Rules  # noqa: E402
from routing.task import Importance  # noqa: E402

WANTED_QUALITY, WANTED_COST = 0.95, 0.15
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
TARGETS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
VERDICTS = 0.1


class Point(msgspec.Struct, frozen=True):
    """One way of routing: its share of right answers, what it cost, and what became of each task."""

    quality: float
    cost: float
    fates: tuple[str | None, ...] = ()


Way = Callable[[House, Job], Awaitable[str | None]]


async def only_local(house: House, job: Job) -> str | None:
    """Always the local model."""
    return await house.do(house.only["local"], job)


async def only_strong(house: House, job: Job) -> str | None:
    """Always the strong one."""
    return await house.do(house.only["strong"], job)


async def learned(house: House, job: Job) -> str | None:
    """Whom the policy chooses, and nobody else."""
    return await house.do_once(job)


async def escalating(house: House, job: Job) -> str | None:
    """The product: whom the policy chooses, then the next one."""
    return await house.do(house.all, job)


def random(share: float) -> Way:
    """Strong for this share of tasks, local for the others."""

    async def way(house: House, job: Job) -> str | None:
        drawn = int(job.task.input_hash[8:16], 16) / 2**32
        return await house.do(house.only["strong" if drawn < share else "local"], job)

    return way


def threshold(at: float) -> Way:
    """Strong from this complexity on."""

    async def way(house: House, job: Job) -> str | None:
        return await house.do(house.only["strong" if job.task.complexity.score >= at else "local"], job)

    return way


def rules(target: float) -> Rules:
    """The product's, with another target for what is of normal importance."""
    return msgspec.structs.replace(RULES, targets={**RULES.targets, Importance.NORMAL: target})


async def run(
    fleet: Fleet,
    seed: int,
    work: Sequence[Job],
    way: Way,
    *,
    target: float = 0.7,
    verdicts: float = VERDICTS,
    wire: str | None = None,
) -> Point:
    """Do all the work one way."""
    house = House(fleet, seed, work, rules(target), verdicts=verdicts, wire=wire)
    fates: list[str | None] = []
    for job in work:
        house.next(job.number)
        fates.append(await way(house, job))
    right = sum(fate is not None and not fate.startswith("wrong:") for fate in fates)
    if wire is not None:
        await house.all.close()
    return Point(right / len(work), house.ledger.cost, tuple(fates))


def at_cost(curve: Sequence[Point], cost: float) -> float:
    """Quality of a curve at a cost, between the points it has."""
    points = sorted(curve, key=lambda point: point.cost)
    for left, right in pairwise(points):
        if left.cost <= cost <= right.cost:
            share = (cost - left.cost) / (right.cost - left.cost) if right.cost > left.cost else 0
            return left.quality + share * (right.quality - left.quality)
    return points[-1].quality if cost > points[-1].cost else points[0].quality


def cost_of(curve: Sequence[Point], quality: float) -> float | None:
    """The least cost at which a curve has a quality, between the points it has; None where it never has."""
    points = sorted(curve, key=lambda point: point.cost)
    if points[0].quality >= quality:
        return points[0].cost
    for left, right in pairwise(points):
        if left.quality < quality <= right.quality:
            return left.cost + (quality - left.quality) / (right.quality - left.quality) * (right.cost - left.cost)
    return None


async def measure(fleet: Fleet, seed: int, number: int) -> dict[str, list[Point]]:
    """Every way over the same tasks; cost as a share of always asking the strong one, quality as a share of its."""
    work = jobs(seed, number)
    strong = await run(fleet, seed, work, only_strong)
    cuts = [
        sorted(job.task.complexity.score for job in work)[int((1 - share) * (number - 1))] for share in SHARES[1:-1]
    ]
    ways = {
        "always local": [await run(fleet, seed, work, only_local)],
        "always strong": [strong],
        "random": [await run(fleet, seed, work, random(share)) for share in SHARES],
        "threshold": [await run(fleet, seed, work, threshold(at)) for at in (2.0, *cuts, 0.0)],
        "learned": [await run(fleet, seed, work, learned, target=target) for target in TARGETS],
        "learned, escalating": [await run(fleet, seed, work, escalating, target=target) for target in TARGETS],
        "with no verdicts": [await run(fleet, seed, work, escalating, target=t, verdicts=0) for t in TARGETS],
        "with verdicts on half": [await run(fleet, seed, work, escalating, target=t, verdicts=0.5) for t in TARGETS],
    }
    return {
        name: [Point(point.quality / strong.quality, point.cost / strong.cost) for point in points]
        for name, points in ways.items()
    }


def report(fleet: Fleet, measured: Sequence[dict[str, list[Point]]]) -> bool:
    """Print a fleet's figures, means over the seeds; whether the limits are met."""
    print(f"\n{fleet.name}: {fleet.about}")
    print(f"  {'share of the strong one':26}", *(f"{f'target {target:g}':>14}" for target in TARGETS))
    for name in ("learned", "learned, escalating", "with no verdicts", "with verdicts on half"):
        cells = [
            f"{mean(m[name][i].quality for m in measured):.3f} at {mean(m[name][i].cost for m in measured):.3f}"
            for i in range(len(TARGETS))
        ]
        print(f"  {name:26}", *(f"{cell:>14}" for cell in cells))
    local = mean(m["always local"][0].quality for m in measured)
    print(f"  always local: quality {local:.3f} at no cost")
    met = True
    for name in ("random", "threshold", "learned", "learned, escalating", "with no verdicts", "with verdicts on half"):
        costs = [cost_of(m[name], WANTED_QUALITY) for m in measured]
        known = [cost for cost in costs if cost is not None]
        said = f"{mean(known):.3f} [{min(known):.3f}, {max(known):.3f}]" if len(known) == len(costs) else "not reached"
        print(f"  cost at {WANTED_QUALITY:.0%} of its quality, {name:24} {said}")
        if name == "learned, escalating":
            met = len(known) == len(costs) and max(known) <= WANTED_COST
    for name in ("learned", "learned, escalating"):
        margins = {
            other: min(point.quality - at_cost(m[other], point.cost) for m in measured for point in m[name])
            for other in ("random", "threshold")
        }
        print(f"  least margin of {name}:", ", ".join(f"{gain:+.3f} over {other}" for other, gain in margins.items()))
        met = met and (name == "learned" or min(margins.values()) > 0)
    return met


async def on_the_wire(fleet: Fleet, seed: int, number: int) -> str:
    """How the same tasks end on the wire, every way at once, and what is in the ledgers for what the vendors bill."""
    work = jobs(seed, number)
    ways = (only_local, only_strong, random(0.5), threshold(0.5), learned, escalating)
    wire = wire_of(fleet, seed, work)
    await wire.listen()
    try:
        there = await asyncio.gather(*(run(fleet, seed, work, way, wire=wire.url) for way in ways))
    finally:
        await wire.refuse()
    here = [await run(fleet, seed, work, way) for way in ways]
    pairs = [pair for one, other in zip(here, there, strict=True) for pair in zip(one.fates, other.fates, strict=True)]
    same = sum(one == other for one, other in pairs)
    billed, booked = wire.bill.total_nusd / 1e9, sum(point.cost for point in there) / 1e9
    return f"{same} of {len(pairs)} tasks end the same; billed {billed:.4f} USD, in the ledgers {booked:.4f} USD"


async def main() -> int:
    """Print it all; 0 where the limits are met on the usual fleet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--wire", type=int, default=0, help="tasks of each fleet to repeat on the wire")
    parser.add_argument("--fleets", nargs="+", help="only these")
    arguments = parser.parse_args()
    print(
        f"{arguments.jobs} tasks, seeds {arguments.seeds}; verdicts on {VERDICTS:.0%} of wrong answers, 50 tasks later"
    )
    met = True
    for fleet in FLEETS:
        if arguments.fleets and fleet.name not in arguments.fleets:
            continue
        fine = report(fleet, [await measure(fleet, seed, arguments.jobs) for seed in arguments.seeds])
        met = met and (fine or fleet.name != "usual")
        if arguments.wire:
            print("  on the wire:", await on_the_wire(fleet, arguments.seeds[0], arguments.wire))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
