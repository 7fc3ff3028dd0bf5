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
        r"\bleaks?\b|\bleak(?:ed|ing|age)\b|\bout of memory\b|\boom\b"
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
        r"\bgraceful\w* (?:shut|stop|terminat|exit|clos)\w*|\bshut-?(?:ting )?down\w*|\bsigterm\b|\bsigint\b"
        r"|\bsignal handl\w*|\bshutdown_\w+",
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
        "Fix security issues",
        "security",
        r"\bsecurity\b|\bvulnerab\w+|\bcve-\d|\b(?:sql|code|command|shell|header|prompt) injection|\bxss\b"
        r"|\bcsrf\b|\bssrf\b|\bsaniti[sz]e[sd]?\b|\bprivilege escalation|\bpath traversal|\bside[- ]channel"
        r"|\bleak\w* (?:of )?(?:secret|password|token|credential)s?",
    ),
    _practice(
        "Improve error messages",
        "error_handling",
        r"\berror messages?\b|\bexception messages?\b|\bhelpful (?:error|message)"
        r"|\b(?:better|clearer|explicit|nicer|proper) (?:error|exception) ?(?:message|report|text)\w*",
    ),
    _practice(
        "Raise and wrap exceptions",
        "error_handling",
        r"\bexceptions?\b|\btraceback\w*"
        r"|\b(?:re-?)?rais(?:e|es|ing) (?:an? |the )?(?:\w+ ){0,2}(?:error|exception)\w*"
        r"|\b\w+(?:Error|Exception)\b",
    ),
    _practice(
        "Improve logging",
        "observability",
        r"\blog(?:s|ged|ging|ger)?\b|\bmetrics?\b|\btracing\b|\btelemetry\b",
    ),
    _practice(
        "Type annotations and type checking",
        "api_design",
        r"\btype[ -]?(?:hint|annotation|check|stub)\w*|\btyping\b|\bannotations\b|\bmypy\b"
        r"|\b(?:based)?pyright\b|\bpy\.typed\b|\btypescript types?\b|\btypevars?\b|\bliteralstring\w*"
        r"|\bstatic typ\w+",
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
        r"\b(?:test|code|unit|line|branch|\d+ ?%)(?: \w+)? coverage\b"
        r"|\bcoverage (?:report|badge|comment|config|job|for|of|in)\b|\bcodecov\b|\bcoveralls\b"
        r"|\b(?:increase|improve|ensure|combine|fix|add|reach|raise|no)\w* (?:\w+ ){0,2}coverage\b|\bcoverage$"
        r"|\bcoverage-comment\b",
    ),
    _practice(
        "Add missing tests",
        "testing",
        r"\b(?:add|adding|added|missing|more|write|new)\b[\w ]{0,20}\btests?\b|\btest for\b|\btests? that\b",
    ),
    _practice(
        "Test fixtures, mocks and isolation",
        "testing",
        r"\bfixtures?\b|\bconftest\b|\bparametri[sz]\w+|\bmock(?:s|ed|ing)?\b|\btest isolation\b"
        r"|\bisolat\w+ (?:\w+ )?tests?\b",
    ),
    _practice(
        "Fix imports",
        "refactoring",
        r"\bcircular (?:import|dependenc)\w*"
        r"|\b(?:unused|missing|broken|wrong|relative|absolute|lazy|unneeded|redundant|duplicate"
        r"|optional) imports?\b|\bimport (?:order\w*|error|cycle|sort\w*|mess|path)s?\b"
        r"|\bfix\w* (?:the |some |all )?imports?\b|\bimports\b|\bunrelated import\b",
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
        r"\bmigrations?\b|\b(?:database|db|sql|improve|initial|the|set|split|drop)\w* schema\b"
        r"|\bschema(?:\.sql)?\b.*(?:migrat|version|upgrad|column|table)|\bschema version|\bschema\.sql\b"
        r"|\balter table\b|\bddl\b",
    ),
    _practice(
        "Database indexes",
        "data",
        r"\b(?:add|drop|remove|create|missing|unused|rename|fix|update|db|database|sql|unique|partial"
        r"|covering)\w*\b[\w ]{0,20}\bindex(?:es)?\b(?!\.)|\bindices\b.*\bperf\w*|\bre-?index\w*",
    ),
    _practice(
        "Time zones and dates",
        "data",
        r"\btime ?-?zones?\b|\butc\b|\bdst\b|\bdatetimes?\b|\btimestamps?\b",
    ),
    _practice(
        "Text encodings",
        "data",
        r"\butf-?(?:8|16)\b|\bunicode\b|\bnon-ascii\b|\bsurrogate\w*|\bcharsets?\b"
        r"|\bcharacter (?:set|encoding)s?\b|\b(?:file|text|output) encoding\b|\bencoding ?=|\bmojibake\b",
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
        r"\bcontributing\b|\bcontribution (?:guid\w+|docs?)\b|\bcode ?owners?\b"
        r"|\b(?:pr|issue|pull request) templates?\b|\bcode of conduct\b|\bmaintainers\b|\bcontributors?\b",
    ),
    _practice(
        "Development environment and Docker",
        "build_ci",
        r"\bdev[- ]?env\w*|\bdev-?containers?\b|\bdocker(?:-?compose|file)?\b|\bvirtualenv\b|\bvagrant\w*"
        r"|\bnix(?:os| flake)\b",
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
        r"|\buv\b|\bhatch\w*\b|\bwebpack\b|\bcmake\b|\bgradle\b|\bautoconf\b|\bautomake\b|\bconfigure\.ac\b"
        r"|\bmeson\b|\blibtool\b|\bcmake\w*|\bmakefiles?\b|\bbazel\b|\bmaven\b|\bwebpack\b|\bvite\b|\brollup\b",
    ),
    _practice(
        "Keep the demo and examples working",
        "documentation",
        r"\bdemos?\b|\bexamples?\b",
    ),
    _practice(
        "Fix crashes",
        "reliability",
        r"\bcrash(?:es|ed|ing)?\b|\bseg-?faults?\b|\bnull (?:pointer|deref)\w*|\bpanics?\b|\bcore dump\w*"
        r"|\bassert\w* fail\w*",
    ),
    _practice(
        "Memory safety and fuzzing",
        "security",
        r"\b(?:integer |buffer |stack |heap )?(?:over|under)flow(?:s|ed|ing)?\b|\bout[- ]of[- ]bounds?\b"
        r"|\bover-?(?:read|run)s?\b|\buninitiali[sz]ed\b|\bundefined behaviou?r\b|\buse[- ]after[- ]free\b"
        r"|\bdouble free\b|\bubsan\b|\basan\b|\bvalgrind\b|\bfuzz\w*",
    ),
    _practice(
        "Fix warnings",
        "build_ci",
        r"\b(?:compiler|gcc|clang|deprecation|build|lint|static analy\w+|sphinx|autodoc)? ?warnings?\b"
        r"|-W[a-z][\w-]+|\bcoverity\b",
    ),
    _practice(
        "Fix the build",
        "build_ci",
        r"\bfix(?:es|ed|ing)? (?:the |a |an |some |\w+ )?(?:build|compil\w+|linking|distcheck)\w*\b"
        r"|\bbuild (?:fix|error|failure|breakage|break)\w*|\bcompil(?:e|ation) (?:fix|error|failure)s?",
    ),
    _practice(
        "Translations and locales",
        "documentation",
        r"\btranslat(?:e|ion|ions|ed)\b|\bi18n\b|\bl10n\b|\bgettext\b|\blocali[sz]ation\b",
    ),
    _practice(
        "Configuration and environment variables",
        "api_design",
        r"\bsettings?\b|\bconfig(?:uration)? (?:option|key|value|file)s?\b|\bconfigurable\b"
        r"|\benv(?:ironment)?[ -]var\w*|\benvironment variables?\b",
    ),
    _practice(
        "Authentication and permissions",
        "security",
        r"\bauth(?:n|z|entication|ori[sz]ation)?\b|\blog-?in\b|\boauth\w*|\bpermissions?\b|\brbac\b"
        r"|\bpasswords?\b|\bcredentials?\b|\baccess tokens?\b",
    ),
    _practice(
        "Docstrings and API reference",
        "documentation",
        r"\bdoc-?strings?\b|\bapi[ -](?:docs?|reference|documentation)\b|\breference (?:docs?|documentation)\b"
        r"|\bautodoc\b",
    ),
    _practice(
        "Fix regressions",
        "reliability",
        r"\bregress(?:ion|ions|ed)\b",
    ),
    _practice(
        "Licence and copyright",
        "process",
        r"\blicen[cs]e[sd]?\b|\bcopyright\w*|\bspdx\b",
    ),
    _practice(
        "Command line options",
        "api_design",
        r"\bcommand[- ]line\b|(?<![\w-])cli(?![\w-])|(?<!-)--[a-z][\w-]{2,}",
    ),
)
