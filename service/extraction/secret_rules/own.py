"""Our own rules, for what detect-secrets misses: newer tokens, headers, unquoted assignments, addresses."""

import re

from service.extraction.secret_rules.rule import Rule, has_digit_and_letter, is_mixed, is_value

# Tokens that say what they are: (rule, prefix as a pattern, its needles, least characters after it).
_PREFIXED: tuple[tuple[str, str, tuple[str, ...], int], ...] = (
    ("github_token", r"gh[pousr]_", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), 36),
    ("github_token", r"github_pat_", ("github_pat_",), 22),
    ("gitlab_token", r"gl(?:pat|dt|ft|rt|soat|ffct)-", ("glpat-", "gldt-", "glft-", "glrt-", "glsoat-", "glffct-"), 20),
    ("slack", r"(?:xox[a-z]|xapp)-", ("xox", "xapp-"), 16),
    ("stripe", r"(?:[rs]k_(?:live|test)_|whsec_)", ("k_live_", "k_test_", "whsec_"), 16),
    ("npm", r"npm_(?=[A-Za-z0-9]{36})", ("npm_",), 36),
    ("pypi_token", r"pypi-", ("pypi-",), 60),
    ("anthropic", r"sk-ant-", ("sk-ant-",), 20),
    ("google", r"AIza", ("AIza",), 35),
    ("google", r"GOCSPX-", ("GOCSPX-",), 20),
    ("google", r"ya29\.", ("ya29.",), 30),
    ("supabase", r"sb_secret_", ("sb_secret_",), 16),
    ("supabase", r"sbp_", ("sbp_",), 40),
    ("huggingface", r"hf_(?=[A-Za-z0-9]{30})", ("hf_",), 30),
    ("docker", r"dckr_(?:pat|oat)_", ("dckr_",), 20),
    ("digitalocean", r"do[por]_v1_", ("_v1_",), 60),
    ("shopify", r"shp(?:at|ca|pa|ss)_", ("shpat_", "shpca_", "shppa_", "shpss_"), 32),
    ("vault", r"hv[sbr]\.", ("hvs.", "hvb.", "hvr."), 24),
    ("databricks", r"dapi(?=[0-9a-f]{32})", ("dapi",), 32),
    ("grafana", r"gl(?:sa|c)_", ("glsa_", "glc_"), 32),
    ("linear", r"lin_(?:api|oauth)_", ("lin_api_", "lin_oauth_"), 32),
    ("sentry", r"sntry[su]_", ("sntry",), 32),
    ("groq", r"gsk_(?=[A-Za-z0-9]{40})", ("gsk_",), 40),
    ("xai", r"xai-", ("xai-",), 40),
    ("replicate", r"r8_(?=[A-Za-z0-9]{32})", ("r8_",), 32),
    ("rubygems", r"rubygems_", ("rubygems_",), 40),
    ("tailscale", r"tskey-[a-z]{2,12}-", ("tskey-",), 16),
    ("motif", r"motif_(?=[A-Za-z0-9]{49}(?![A-Za-z0-9]))", ("motif_",), 49),
    ("age", r"AGE-SECRET-KEY-1", ("AGE-SECRET-KEY-1",), 40),
)


def own_rules() -> tuple[Rule, ...]:
    """Our rules in the order they are tried."""
    prefixed = tuple(
        Rule(
            name,
            re.compile(rf"(?<![A-Za-z0-9]){prefix}[A-Za-z0-9_-]{{{least},1024}}"),
            needles,
            before=16,
            reach=1100,
            check=has_digit_and_letter,
        )
        for name, prefix, needles, least in _PREFIXED
    )
    return (*prefixed, *_SHAPED)


_SHAPED = (
    # "sk-" begins CSS classes too; those have no digits among twenty characters.
    Rule(
        "openai",
        re.compile(r"(?<![A-Za-z0-9_-])sk-(?!ant-)[A-Za-z0-9_-]{20,256}"),
        ("sk-",),
        check=has_digit_and_letter,
    ),
    Rule(
        "jwt",
        re.compile(
            r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{2,6000}(?:\.[A-Za-z0-9_-]{0,2000}){0,3}"
        ),
        ("eyJ",),
        reach=10_000,
    ),
    # The key's other half, which has no mark of its own, is known by its neighbour.
    Rule(
        "aws",
        re.compile(
            r"(?:AKIA|ASIA)[0-9A-Z]{16}[^A-Za-z0-9/+][\s\S]{0,300}?(?<![A-Za-z0-9/+=])([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
        ("AKIA", "ASIA"),
        group=1,
        one_line=False,
        check=is_mixed,
    ),
    Rule("aws", re.compile(r"(?i:secret[_-]?access[_-]?key)\W{1,12}([A-Za-z0-9/+]{40})"), ("secret",), group=1),
    Rule(
        "webhook",
        re.compile(r"discord(?:app)?\.com/api/webhooks/\d{5,30}/([\w-]{30,120})"),
        ("/api/webhooks/",),
        group=1,
    ),
    Rule(
        "basic_auth", re.compile(r"://[^\s/?#@:\"'<>]{0,128}:([^\s/\"'<>]{1,256})@"), ("://",), group=1, check=is_value
    ),
    Rule(
        "basic_auth",
        re.compile(r"://([A-Za-z0-9_-]{20,256})(?::x-oauth-basic)?@"),
        ("://",),
        group=1,
        check=has_digit_and_letter,
    ),
    Rule(
        "authorization",
        re.compile(
            r"(?:authorization|x-api-key|x-auth-token|api-key|apikey)[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?"
            r"(?:(?:bearer|basic|token|digest|apikey)[ \t]{1,4})?([A-Za-z0-9._~+/=-]{8,2048})",
            re.IGNORECASE,
        ),
        ("authorization", "x-api-key", "x-auth-token", "api-key", "apikey"),
        group=1,
        reach=2200,
        check=has_digit_and_letter,
    ),
    Rule(
        "authorization",
        re.compile(r"\b(?:[Bb]earer|Basic)[ \t]{1,4}([A-Za-z0-9._~+/=-]{16,2048})"),
        ("bearer", "basic"),
        group=1,
        reach=2200,
        check=has_digit_and_letter,
    ),
    Rule(
        "cookie",
        re.compile(r"\bcookie[\"']?: ?[\"']?[\w.-]{1,64}=([^\s;,\"']{16,2048})", re.IGNORECASE),
        ("cookie",),
        group=1,
        reach=2200,
        check=has_digit_and_letter,
    ),
    Rule(
        "signed_address",
        re.compile(
            r"[?&](?:sig|signature|x-(?:amz|goog)-(?:signature|security-token))=([^\s&\"'<>]{16,2048})", re.IGNORECASE
        ),
        ("sig=", "signature=", "-token="),
        group=1,
        reach=2200,
        check=has_digit_and_letter,
    ),
    Rule(
        "docker",
        re.compile(r"\"auth\": ?\"([A-Za-z0-9+/=]{12,1024})\""),
        ('"auth"',),
        group=1,
        reach=1100,
        check=is_value,
    ),
    Rule(
        "npm", re.compile(r"\b_auth ?= ?\"?([A-Za-z0-9+/=]{8,1024})"), ("_auth",), group=1, reach=1100, check=is_value
    ),
    Rule(
        "curl_user",
        re.compile(r"\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]{0,2}[\"']?[^\s:\"']{1,64}:([^\s\"']{1,128})"),
        ("curl",),
        group=1,
        check=is_value,
    ),
    Rule(
        "netrc",
        re.compile(r"\blogin[ \t]{1,4}\S{1,100}[ \t]{1,4}password[ \t]{1,4}(\S{1,200})"),
        ("login",),
        group=1,
        check=is_value,
    ),
    # Whoever is quoted stays a person: the part that names them goes, the domain says where the work happened.
    # "git" is the login of every clone address, not a person.
    Rule(
        "email",
        re.compile(
            r"(?<![A-Za-z0-9._%+/-])(?!git@)([A-Za-z0-9][A-Za-z0-9._%+-]{0,63})"
            r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9@])"
        ),
        ("@",),
        group=1,
        before=66,
        reach=300,
    ),
)
