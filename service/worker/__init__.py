"""Composition root of the worker: takes jobs from the queue and does them, on as many machines as wanted."""

from service.worker.pace import Pace
from service.worker.run import run_worker
from service.worker.tasks import Ending

__all__ = ["Ending", "Pace", "run_worker"]
