"""Practices that any engineering team names: the words that speak of each, however its authors put it.

They join what single words keep apart ("de-flake", "intermittent", "racy sleep"). A practice counts only where the
history itself shows it three times over; the name is then made of the sources' words where they agree on one.
"""

import re

import msgspec


class Practice(msgspec.Struct, frozen=True):
    """A practice. `name` is how a maintainer calls it; `in_body`: whether a mention in the body is a sign of it too."""

    name: str
    pattern_type: str
    words: re.Pattern[str]
    in_body: bool = False


def _practice(name: str, pattern_type: str, words: str, *, in_body: bool = False) -> Practice:
    return Practice(name, pattern_type, re.compile(rf"(?:{words})", re.IGNORECASE), in_body)


PRACTICES = (
    _practice(
        "Fix flaky tests",
        "testing",
        r"\bde-?flak\w*|\bflak[ey]\w*|\bintermittent\w*|\bnon-?determinis\w*"
        r"|\btests? (?:more )?(?:robust|reliable|stable)\b|\btest\w* .*(?:more robust|race|sleep)"
        r"|\b(?:random|sporadic)\w* (?:test )?fail\w*",
    ),
    _practice(
        "Fix race conditions",
        "concurrency",
        r"\brac(?:e|es|ing|y)\b(?: condition)?|\bdata race|\bthread.?safe\w*|\bconcurren\w+",
    ),
    _practice(
        "Deadlocks and lock order",
        "concurrency",
        r"\bdead-?locks?\w*|\block(?:s|ed|ing)? (?:order|contention|conflict|timeout)",
    ),
    _practice(
        "Drop support for old versions",
        "deprecation",
        r"\b(?:drop|remov\w+|end|stop)\w*(?: the)?(?: \w+)? support (?:for|of)\b"
        r"|\b(?:drop|remove)\w* (?:py|python|node|ruby|java|php|go|django|postgres\w*|rails) ?v?\d",
    ),
    _practice(
        "Support new versions of the language and platform",
        "dependencies",
        r"\b(?:add|support|test)\w* (?:support )?(?:for |on |with |against )?(?:py|python|node|ruby|java|jdk"
        r"|php|go|django|postgres\w*|rails|rust|macos|windows) ?v?\d[\d.]*|\bpython ?3\.\d+ (?:support|compat)",
    ),
    _practice(
        "Backward compatibility",
        "api_design",
        r"\bback-?wards?[ -]?compat\w*|\bbackwards? compatib\w*"
        r"|\bcompat(?:ibility)? (?:shim|layer|alias|reason|code)|\bcompatib\w+",
    ),
    _practice(
        "Deprecate before removing",
        "deprecation",
        r"\bdeprecat\w*|\bdepreciat(?:ed|ion)\b",
    ),
    _practice(
        "Rename for consistency",
        "refactoring",
        r"\brenam\w+\b",
    ),
    _practice(
        "Leaks of memory and connections",
        "reliability",
        r"\bleak\w*|\bout of memory\b|\boom\b"
        r"|\bclos(?:e|es|ing) (?:the )?(?:connection|pool|file|session|socket|cursor)s?\b|\bresource ?warning",
    ),
    _practice(
        "Retries and reconnection",
        "reliability",
        r"\bretr(?:y|ies|ied|ying)\b|\bback-?off\b|\breconnect\w*",
    ),
    _practice(
        "Timeouts",
        "reliability",
        r"\btime-?outs?\b|\btimed out\b",
    ),
    _practice(
        "Graceful shutdown and signals",
        "reliability",
        r"\bgraceful\w*|\bshut-?(?:ting )?down\w*|\bsigterm\b|\bsignals? handl\w*",
    ),
    _practice(
        "Performance and benchmarks",
        "performance",
        r"\bperf(?:ormance)?\b|\bspeed(?:s|ing)?[ -]?up\b|\bfaster\b|\boptimi[sz]\w+|\bslow(?:er|ness)?\b"
        r"|\bn\+1\b|\bbenchmark\w*|\bprefetch\w*|\blatency\b",
    ),
    _practice(
        "Caching",
        "performance",
        r"\bcach(?:e|es|ed|ing)\b|\bmemoi[sz]\w+",
    ),
    _practice(
        "Security: secrets, permissions and injection",
        "security",
        r"\bsecurity\b|\bvulnerab\w+|\bcve-\d|\binjection\b|\bxss\b|\bcsrf\b|\bsaniti[sz]\w+"
        r"|\bescap(?:e|ed|ing)\b|\bpermissions?\b|\bprivileges?\b|\bsecrets?\b|\bencrypt\w*",
    ),
    _practice(
        "Improve error messages",
        "error_handling",
        r"\berror messages?\b|\bexception messages?\b|\bhelpful (?:error|message)"
        r"|\b(?:better|clearer|explicit|nicer) (?:error|exception)\w*",
    ),
    _practice(
        "Raise and wrap exceptions",
        "error_handling",
        r"\bexceptions?\b|\btraceback\w*|\b(?:re-?)?rais(?:e|es|ing)\b|\bpanics?\b|\bcrash\w*",
    ),
    _practice(
        "Improve logging",
        "observability",
        r"\blog(?:s|ged|ging|ger)?\b|\bmetrics?\b|\btracing\b|\btelemetry\b",
    ),
    _practice(
        "Type annotations and type checking",
        "api_design",
        r"\btype[ -]?(?:hint|annotation)s?\b|\btyping\b|\bannotations?\b|\bmypy\b|\b(?:based)?pyright\b"
        r"|\bpy\.typed\b|\btypescript types?\b|\bgenerics?\b|\btypevars?\b|\bliteralstring\w*",
    ),
    _practice(
        "Fix and extend the CI pipeline",
        "build_ci",
        r"\bci\b|\bgithub actions?\b|\bgha\b|\bworkflows?\b|\btravis\w*|\bpipelines?\b|\bcircle-?ci\b"
        r"|\bgitlab-ci\b|\bjenkins\b",
    ),
    _practice(
        "Release and deployment process",
        "build_ci",
        r"\bdeploy(?:s|ment|ing)?\b|\bpublish\w*|\bpypi\b|\breleas(?:e|es|ing)\b(?!d)|\brelease-drafter\b"
        r"|\bchangelogs?\b",
    ),
    _practice(
        "Test coverage",
        "testing",
        r"\bcoverage\b|\buncovered\b|\bcodecov\b",
    ),
    _practice(
        "Add missing tests",
        "testing",
        r"\b(?:add|adding|added|missing|more|write|new)\b[\w ]{0,20}\btests?\b|\btest for\b|\btests? that\b",
    ),
    _practice(
        "Test fixtures, mocks and isolation",
        "testing",
        r"\bfixtures?\b|\bconftest\b|\bparametri[sz]\w+|\bmocks?\b|\bisolat\w+",
    ),
    _practice(
        "Fix imports",
        "refactoring",
        r"\bcircular (?:import|dependenc)\w*|\bimports?\b",
    ),
    _practice(
        "Remove dead code",
        "refactoring",
        r"\b(?:remov\w+|delet\w+|drop\w*|clean\w*)\b[\w ]{0,25}\b(?:unused|dead|obsolete|useless|unnecessary"
        r"|unneeded|no longer|legacy|old)\b",
    ),
    _practice(
        "Guides and how-tos",
        "documentation",
        r"\bhow-?tos?\b|\btutorials?\b|\bquick-?start\b|\bguides?\b",
    ),
    _practice(
        "Links and references in the documentation",
        "documentation",
        r"\b(?:broken |dead |fix(?:ed|es)? )\w*\s?(?:url|link|lonk)s?\b|\bcross[ -]ref\w*|\blinks?\b",
    ),
    _practice(
        "Fix typos and spelling",
        "documentation",
        r"\btypos?\b|\bspelling\b|\bmisspell\w*|\bgrammar\b|\bwording\b",
    ),
    _practice(
        "Schema migrations",
        "data",
        r"\bmigrations?\b|\bschema\b|\bddl\b|\balter table\b",
    ),
    _practice(
        "Indexes",
        "data",
        r"\bind(?:ex|exes|ices)\b",
    ),
    _practice(
        "Time zones and dates",
        "data",
        r"\btime ?-?zones?\b|\butc\b|\bdst\b|\bdatetimes?\b|\btimestamps?\b",
    ),
    _practice(
        "Text encodings",
        "data",
        r"\bencod\w+|\butf-?8\b|\bunicode\b|\bnon-ascii\b|\bsurrogate\w*",
    ),
    _practice(
        "Windows and macOS support",
        "reliability",
        r"\bwindows\b|\bmac ?os\b|\bosx\b|\bdarwin\b",
    ),
    _practice(
        "Validation of input",
        "error_handling",
        r"\bvalidat\w+|\bsanity check\w*",
    ),
    _practice(
        "Reverts and rollbacks",
        "process",
        r"\brevert\w*|\broll(?:ed|ing)?[ -]?back\w*|\bback out\b",
    ),
    _practice(
        "Contribution guide, code owners and templates",
        "process",
        r"\bcontribut(?:ing|ion|ors?)\b|\bcode ?owners?\b|\b(?:pr|issue|pull request) templates?\b"
        r"|\bcode of conduct\b",
    ),
    _practice(
        "Development environment and Docker",
        "build_ci",
        r"\bdev[- ]?env\w*|\bdev-?containers?\b|\bdocker(?:-?compose|file)?\b|\bmakefile\b|\bvirtualenv\b",
    ),
    _practice(
        "Linters and pre-commit hooks",
        "build_ci",
        r"\bpre-?commit\b|\bruff\b|\bflake8\b|\beslint\b|\bclippy\b|\bpylint\b|\bprettier\b|\beditorconfig\b"
        r"|\bisort\b",
    ),
    _practice(
        "Pins and automated dependency updates",
        "dependencies",
        r"\brenovate\b|\bdependabot\b|\bpin(?:s|ned|ning)?\b|\bloosen\b",
    ),
    _practice(
        "Packaging and build tooling",
        "build_ci",
        r"\bpoetry\b|\bsetup\.(?:py|cfg)\b|\bpyproject\b|\bsetuptools\b|\bwheels?\b|\bsdists?\b|\bpackaging\b"
        r"|\buv\b|\bhatch\w*\b|\bwebpack\b|\bcmake\b|\bgradle\b",
    ),
    _practice(
        "Keep the demo and examples working",
        "documentation",
        r"\bdemos?\b|\bexamples?\b",
    ),
)
