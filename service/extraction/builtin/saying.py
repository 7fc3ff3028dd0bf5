"""What the sources say of a problem, its solution and what to do: verbatim sentences, sorted by how they speak."""

import re
from collections.abc import Sequence

import msgspec

from service.extraction.builtin.quoting import sentences
from service.extraction.interaction import Interaction

_PROBLEM = re.compile(
    r"\b(?:because|bug|broken|breaks?|broke|crash\w*|fail(?:s|ed|ing|ure)?|wrong(?:ly)?|incorrect\w*"
    r"|race[sd]?|racing"
    r"|racy|dead-?lock\w*|leak\w*|never|no longer|problem|issue|error|missing|missed|lost|flaky|slow|used to"
    r"|was not|were not"
    r"|wasn't|doesn't|does not|didn't|cannot|can't|could not|unable|unexpected\w*|regression|conflict|stale"
    r"|hang[s]?|stuck)\b",
    re.IGNORECASE,
)
_SOLUTION = re.compile(
    r"(?:^|\b(?:so|now|therefore|instead|thus)\b,? ?)(?:we |this (?:commit |change |pr )?)?(?:now )?"
    r"(?:fix|add|use|make|move|remove|replace|clear|wait|poll|ensure|wrap|raise|set|pin|switch|drop|introduce"
    r"|allow|keep|close"
    r"|run|check|return|split|rename|disable|enable|avoid|handle|store|cache|retry|synchroni[sz]e|assert"
    r"|document|stop)(?:s|es)?\b"
    r"|\bthe fix (?:is|was)\b|\bfixed by\b|\bsolved by\b|\bby \w+ing\b|\bis now\b|\bare now\b|\binstead of\b"
    r"|\brather than\b",
    re.IGNORECASE,
)
_RECOMMENDATION = re.compile(
    r"^(?:please |so |note: |also,? )?(?:always|never|avoid|prefer|make sure|be sure|be careful|do not|don't"
    r"|remember to|ensure)\b"
    r"|\b(?:we|you|one|they|callers?|users?|tests?|code|it|this|these|those|\w+s) (?:should|must|ought to)"
    r"(?! have| be able| work)\b|\bshould (?:always|never|not|be|only)\b|\bmust (?:always|never|not|be|only)\b"
    r"|\bfrom now on\b|\bbest practice\b|\brule of thumb\b|\bit is (?:recommended|advised)\b|\bis mandatory\b",
    re.IGNORECASE,
)
_NO_PROSE = re.compile(
    r"https?://|^\s*[>|$#]|Traceback|^\s*File \"|[{}<>=]{2,}|[{}]|;$|::|\bPASSED\b"
    r"|\bFAILED\b",
    re.MULTILINE,
)


_BULLET = re.compile(r"(?:[-*•]|\d+[.)])\s+")


class Said(msgspec.Struct, frozen=True):
    """One sentence of a source and where it stands."""

    interaction: Interaction
    start: int
    end: int

    @property
    def text(self) -> str:
        """The sentence on one line."""
        return " ".join(self.interaction.text[self.start : self.end].split())


def body_sentences(interaction: Interaction, start: int) -> list[Said]:
    """Sentences of prose in the message from `start` on, 30 to 400 characters, no logs, links or code."""
    message = interaction.message[: start + 3_000]
    found: list[Said] = []
    for begin, end in sentences(message, start):
        bullet = _BULLET.match(message, begin, end)
        start_of_words = bullet.end() if bullet else begin
        text = message[start_of_words:end]
        if not _opens_a_sentence(text):
            continue
        if 30 <= len(text) <= 400 and not _NO_PROSE.search(text) and text.count(" ") >= 4:
            found.append(Said(interaction, start_of_words, end))
    return found


def _opens_a_sentence(text: str) -> bool:
    """Whether it starts like one: no lower-case word left over from an abbreviation (identifiers and CJK may)."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return bool(first) and (not first.isascii() or not first.isalpha() or not first.islower())


def problem_in(said: Sequence[Said]) -> Said | None:
    """The first sentence that speaks of something wrong."""
    return next((one for one in said if _PROBLEM.search(one.text) and not _opens_as_solution(one.text)), None)


def solution_in(said: Sequence[Said]) -> Said | None:
    """The first sentence that speaks of what was done about it."""
    return next((one for one in said if _opens_as_solution(one.text) or _SOLUTION.search(one.text)), None)


def recommendations_in(said: Sequence[Said]) -> list[Said]:
    """Sentences that tell what to do or not to do."""
    return [one for one in said if _RECOMMENDATION.search(one.text)]


def _opens_as_solution(text: str) -> bool:
    found = _SOLUTION.match(text)
    return bool(found and found.start() == 0)


def speaks_of_problem(text: str) -> bool:
    """Whether a sentence speaks of something wrong."""
    return bool(_PROBLEM.search(text))
