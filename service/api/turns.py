"""What holds a connection for as long as its reader likes: few at once, and one for each who asks."""

from weakref import WeakSet

from service.errors import RateLimited

_RETRY_AFTER_S = 30


class Turn:
    """Somebody's turn; over when it is ended, or when nothing refers to it any more."""

    def __init__(self, whose: str) -> None:
        self.whose = whose
        self.over = False

    def end(self) -> None:
        """Let the next one have it."""
        self.over = True


class Turns:
    """Turns of one process, at most `most` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        # Held by whoever streams: a stream that never begins ends nothing, it is only forgotten.
        self._taken: WeakSet[Turn] = WeakSet()

    def take(self, whose: str) -> Turn:
        """A turn; raises RateLimited while they have one already, or too many others have."""
        taken = [turn for turn in self._taken if not turn.over]
        if any(turn.whose == whose for turn in taken):
            raise RateLimited(
                "An export of the same caller is under way.", fix="Read it to its end.", retry_after_s=_RETRY_AFTER_S
            )
        if len(taken) >= self._most:
            raise RateLimited(f"{self._most} exports are under way.", retry_after_s=_RETRY_AFTER_S)
        turn = Turn(whose)
        self._taken.add(turn)
        return turn
