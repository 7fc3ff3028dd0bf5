"""What is kept of a task that was done: its answer, how it was decided, what it cost; as columns of `tasks`. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from routing.policy import Decision
from routing.task import Task


def explanation(decision: Decision) -> dict[str, Any]:
    """A decision as plain values: every model with its numbers and its verdict."""
    return {
        "target": decision.target,
        "threshold": decision.threshold,
        "pool": decision.pool.value,
        "considered": msgspec.to_builtins(decision.considered),
    }


def kept(task: Task, decision: Decision, answer: Any, *, attempts: int, cost_nusd: int) -> Mapping[str, Any] | None:
    """The columns, or None for a task that belongs to no interaction, or whose input has no name to find it by.

    `answer`: as the model gave it and its schema took it. `attempts` and `cost_nusd`: of this run, failed ones too.
    """
    if task.project_id is None or task.interaction_id is None or not task.input_hash:
        return None
    return {
        "project_id": task.project_id,
        "interaction_id": task.interaction_id,
        "type": task.type.value,
        "prompt_version": task.prompt_version,
        "input_hash": task.input_hash,
        "complexity": task.complexity.score,
        "complexity_parts": {**task.complexity.parts, "version": task.complexity.version},
        "decision": decision.model.ref if decision.model is not None else "builtin",
        "reason": decision.reason.value,
        "importance": task.importance.value,
        "explanation": explanation(decision),
        "held_back": decision.held_back,
        "attempts": attempts,
        "cost_nusd": cost_nusd,
        "state": "done",
        "answer": msgspec.to_builtins(answer),
    }
