"""Sentences that state something worth keeping: a decision, a lesson, a recommendation, a fix."""

import re

_CUES = (
    ("recommendation", re.compile(
        r"\b(?:we|you|one|they|it|that|this|[a-z]+s) (?:should|must|need to|have to|ought to)\b"
        r"|\bshould (?:always|never|not|be)\b"
        r"|\bmust (?:always|never|not|be)\b|\balways\b.{3,}|\bnever\b.{3,}|\b(?:make|be) sure\b|\bprefer\b.{3,}"
        r"|\bavoid\b.{3,}"
        r"|^(?:please )?(?:do not|don't)\b|\bfrom now on\b|\bbest practice\b|\brule of thumb\b"
        r"|\bit is recommended\b|\bi(?:'d| would) recommend\b|\bwe recommend\b",
        re.IGNORECASE)),
    ("fix", re.compile(
        r"\bthe (?:fix|solution|workaround|remedy) (?:is|was)\b|\b(?:fixed|solved|resolved|mitigated"
        r"|worked around) (?:it |this |that )?by\b"
        r"|^(?:fix|solution|resolution|workaround)\s*:", re.IGNORECASE)),
    ("lesson", re.compile(
        r"\blessons?\b(?: learn(?:ed|t))?|\bwe (?:learned|learnt|realised|realized)\b|\bturn(?:s|ed) out\b"
        r"|\broot cause\b|\bin hindsight\b"
        r"|\bwhat went (?:wrong|well)\b|\bthe (?:problem|issue|cause|culprit) (?:is|was)\b", re.IGNORECASE)),
    ("decision", re.compile(
        r"\bwe(?:'ve| have)? (?:decided|agreed|chose|opted|settled)\b|\bdecision\s*:|\bit was decided\b"
        r"|\blet's (?:go with|use|keep|drop)\b"
        r"|\bwe(?:'ll| will) (?:use|go with|keep|adopt|stop|switch|move)\b|\bagreed (?:to|that"
        r"|on)\b", re.IGNORECASE)),
)  # fmt: skip
_NO_STATEMENT = re.compile(
    r"\?\s*$|https?://\S+$|^\s*(?:>|```|\||#!|//|/\*)|\b(?:as is|without warranty|copyright|license[ds]?)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:[-*•]\s+|\d+[.)]\s+|#{1,6}\s+|\*\*[^*\n]{1,40}\*\*:?\s+|\[?\d{1,2}:\d{2}(?::\d{2})?\]?\s+"
    r"|<?@?[\w.-]{1,24}>?:\s+"
    r"|(?:fix|solution|resolution|workaround|decision|lesson|root cause|note|so|and|but|also|then|yes|yeah|ok"
    r"|okay|right|well)[:,]?\s+)+",
    re.IGNORECASE,
)  # fmt: skip


def statement_kind(sentence: str) -> str | None:
    """`recommendation`, `fix`, `lesson` or `decision`; None for a sentence that states none, or only asks."""
    if _NO_STATEMENT.search(sentence):
        return None
    bare = sentence[lead_length(sentence) :]
    if bare.count(" ") < 3 and bare.isascii():
        return None
    for kind, cue in _CUES:
        if cue.search(bare) or (kind in ("fix", "decision") and cue.search(sentence)):
            return kind
    return None


def lead_length(sentence: str) -> int:
    """How many characters of bullets, speaker, time and label come before what is said."""
    lead = _LEAD.match(sentence)
    return lead.end() if lead and lead.end() < len(sentence) else 0
