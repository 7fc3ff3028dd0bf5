"""What Postgres refuses, in our words: a constraint's name and a privilege tell a caller nothing they could act on."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import psycopg

from service.errors import Forbidden, MotifError


@contextmanager
def in_our_words(violations: Mapping[str, MotifError]) -> Generator[None]:
    """Raise, for a constraint that a statement of the block violates, the error that stands under its name.

    A row or column that the policies refuse is Forbidden: whoever asks first with `rights.require` gets a better word.
    """
    try:
        yield
    except psycopg.IntegrityError as error:
        known = violations.get(error.diag.constraint_name or "")
        if known is None:
            raise
        raise known from None
    except psycopg.errors.InsufficientPrivilege:
        raise Forbidden("The caller may not do this.") from None
