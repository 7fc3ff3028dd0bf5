"""What a task ends with when nobody that may be asked is left: every attempt, and the decision that named nobody."""

from routing.attempt import Attempt
from routing.errors import RoutingError
from routing.policy import Decision
from routing.reasons import REASONS


class CallFailed(RoutingError):
    """No model brought an answer. `attempts`: every one that was made; `decision`: the last, which names nobody."""

    code = "call-failed"

    def __init__(self, attempts: tuple[Attempt, ...], decision: Decision) -> None:
        super().__init__(REASONS[decision.reason])
        self.attempts = attempts
        self.decision = decision
