"""Secrets known by the name they are given to: `password = "..."`, `api_key: ...`, `DB_PASSWORD=...`."""

import re
from collections.abc import Callable, Iterable

from service.extraction.secret_rules.rule import Rule, has_digit_and_letter, is_value

# Names that programs give to many other things too: their values must look random.
_WEAK_NAMES = r"(?:token(?!i[sz])|access[_-]?key|encryption[_-]?key|signing[_-]?key|credentials?|pass(?:phrase|code))"
_NEEDLES = ("pass", "pwd", "secret", "contrase", "key")
_WEAK_NEEDLES = ("token", "access", "encryption", "signing", "credential", "passphrase", "passcode")
_UPPER_NEEDLES = ("PASS", "PWD", "SECRET", "TOKEN", "KEY", "CREDENTIAL")
_SPACE = r"[ \t]{0,8}"
# The rest of the name; not of a name for something beside the secret: its type, its file, where to get it.
_BESIDE = (
    "type",
    "name",
    "file",
    "path",
    "url",
    "uri",
    "pattern",
    "index",
    "field",
    "header",
    "class",
    "[_-]id",
    "ids",
)
_REST = r"[\w-]{0,32}" + "".join(f"(?<!{suffix})" for suffix in _BESIDE)
# What may stand between a name and its value: the name's closing, a sign.
_SIGN = rf"{_REST}[\"'`\]]{{0,2}}{_SPACE}(?::=|=>|[!=]={{1,2}}|=|:){_SPACE}"
_CALL = r"[\w-]{0,32}(?:\.assign)?\([ \t]{0,2}"
_QUOTED = r"@?([\"'`])([^\"'`\n]{3,4096})\1"
_BARE = r"([^\s\"'`,;&|(){}\[\]<>]{6,256})(?![\w(\[])"
_UPPER = r"(?:PASSWORD|PASSWD|PASS|PASSPHRASE|PWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|AUTH_KEY|PRIVATE_KEY|CREDENTIALS?)"

_ADDRESS = re.compile(r"(?:https?|urn|file):\S*", re.IGNORECASE)
_LABEL = re.compile(r"[A-Z].*|.*[.?!:…]|.*(?:pass|secret|key|token|your).*", re.DOTALL)
# A version, a measure, a constant, an attribute.
_NAME_OF_SOMETHING = re.compile(r"v?\d+(?:\.\w+)*|\d+[a-zA-Z]{1,3}|[A-Z_][A-Z0-9_]*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def _is_no_label(value: str) -> bool:
    """Quoted, and neither an address nor what a program says: that has several words, no digit, and reads like it."""
    if not is_value(value) or _ADDRESS.fullmatch(value):
        return False
    return value.count(" ") < 2 or has_digit_and_letter(value) or not _LABEL.fullmatch(value)


def _is_no_name(value: str) -> bool:
    """A single word with a digit that is no name of something."""
    return has_digit_and_letter(value) and not (_NAME_OF_SOMETHING.fullmatch(value) or _ADDRESS.fullmatch(value))


def _is_random(value: str) -> bool:
    """As above, and long, with a second digit."""
    return len(value) >= 8 and " " not in value and sum(map(str.isdigit, value)) > 1 and _is_no_name(value)


def named_rules(names: Iterable[str]) -> tuple[Rule, ...]:
    """Rules around `names` (patterns, in lower case), which say clearly what they hold, and around weaker ones."""
    # The library knows snake case only; settings and options are often written with hyphens.
    name = f"(?:{'|'.join(names).replace('_?', '[_-]?')})"

    def rule(
        pattern: str, group: int, check: Callable[[str], bool], needles: tuple[str, ...] = _NEEDLES, flags: int = re.I
    ) -> Rule:
        return Rule("named", re.compile(pattern, flags), needles, group=group, before=60, reach=4200, check=check)

    return (
        rule(rf"{name}{_SIGN}{_QUOTED}", 2, _is_no_label),
        rule(rf"{name}{_CALL}{_QUOTED}", 2, _is_no_label),
        rule(rf"{name}[\w-]{{0,32}}[ \t]{{1,8}}{_QUOTED};", 2, _is_no_label),
        rule(rf"{_QUOTED}{_SPACE}[!=]={{1,2}}{_SPACE}[\w.]{{0,32}}{name}", 2, _is_no_label),
        rule(rf"{name}{_SIGN}{_BARE}", 1, _is_no_name),
        rule(rf"{_WEAK_NAMES}{_SIGN}{_QUOTED}", 2, _is_random, _WEAK_NEEDLES),
        rule(rf"{_WEAK_NAMES}{_SIGN}{_BARE}", 1, _is_random, _WEAK_NEEDLES),
        # As an option of a command.
        rule(
            rf"--[\w-]{{0,32}}(?:{name}|{_WEAK_NAMES})[ =]{{1,2}}[\"']?{_BARE}",
            1,
            _is_no_name,
            (*_NEEDLES, *_WEAK_NEEDLES),
        ),
        # As in an environment file: an upper-case name, and whatever stands behind the sign.
        rule(rf"(?<![A-Z0-9_])[A-Z0-9_]{{0,60}}{_UPPER}(?:_[A-Z0-9]{{1,20}})?={_BARE}", 1, is_value, _UPPER_NEEDLES, 0),
    )
