"""Texts of one line that callers give: what they may hold, for the schema and for Postgres, which takes no NUL."""

from typing import Annotated, TypeAlias

import msgspec

# Not blank, no control characters; the last part because Python's $ would let a line end pass.
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$(?!\n)"

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
LongName: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=ONE_LINE)]
