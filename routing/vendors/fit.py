"""Whether a local model read all of its prompt: servers cut what does not fit, and say nothing but a count."""

import re

from routing.price import Usage
from routing.vendors.said import without_surrogates

_ASCII_WORD = re.compile(r"[A-Za-z]+")


def least_tokens(text: str) -> int:
    """No tokenizer reads the text in fewer tokens: no token spans two words that something else stands between.

    Only words of ASCII letters are counted; scripts without spaces are cut by each tokenizer in its own way.
    """
    return len(_ASCII_WORD.findall(text))


def likely_tokens(text: str) -> int:
    """As everybody estimates them: one for four bytes of UTF-8."""
    return len(without_surrogates(text).encode()) // 4


def was_cut(text: str, num_ctx: int, counted: int | None, written: int | None) -> bool:
    """Whether Ollama cut the prompt `text` to its window of `num_ctx` tokens, by its prompt_eval_count.

    The count holds what was read, tokens from the cache among them (all versions since July 2024 but a few of June
    2026). A prompt over the window is cut to half of it and two tokens; older versions filled the window. What is
    written into a full window pushes the beginning out as well. Without a count (very old versions, all in the cache)
    the estimate alone speaks.
    """
    if not counted:
        return likely_tokens(text) > num_ctx
    if counted + (written or 0) > num_ctx:
        return True
    halved = abs(counted - (num_ctx // 2 + 2)) <= 2 and likely_tokens(text) > num_ctx
    return halved or counted < least_tokens(text)


def read_usage(counted: int | None, written: int | None) -> Usage | None:
    """Ollama's two counts as usage; None where one is missing."""
    return None if counted is None or written is None else Usage(counted, written)
