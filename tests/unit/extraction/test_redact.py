"""Secrets here are made up, and put together from pieces so that no scanner takes this file for a leak."""

import importlib
import pkgutil
import re
import time

import pytest
from detect_secrets import plugins
from detect_secrets.plugins.base import BasePlugin
from hypothesis import given
from hypothesis import strategies as st

from service.extraction.redact import redact
from service.extraction.secret_rules.kept import LEFT_OUT, PLUGINS

HEX40 = "0123456789abcdef0123456789abcdef01234567"
RANDOM40 = "wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLE0KEY"
BODY = "-----{} RSA PRIVATE" + " KEY-----"
KEY = f"{BODY.format('BEGIN')}\nMIIEpAIBAAKCAQEA75\nabcdefghijklmnopqr\n{BODY.format('END')}"


def hidden(text: str) -> list[str]:
    """The pieces of `text` that are hidden, checked to be all that changed."""
    redacted = redact(text).text
    assert len(redacted) == len(text)
    assert all(new in (old, "█") for old, new in zip(text, redacted, strict=True))
    assert redact(redacted).text == redacted
    return [text[found.start() : found.end()] for found in re.finditer("█+", redacted)]


@pytest.mark.parametrize(
    ("rule", "before", "secret", "after"),
    [
        # detect-secrets' patterns
        ("aws", "id ", "AKIA" + "IOSFODNN7EXAMPLE", " used"),
        ("github_token", "", "ghp_" + "a1B2" * 9, "."),
        ("gitlab_token", "use ", "glpat-" + "a1B2c3D4e5F6g7H8i9J0", ""),
        ("slack", "", "xoxb-" + "123456789012-abcdefGHIJKL", " posted"),
        ("stripe", "key=", "sk_live_" + "a1b2c3d4e5f6a1b2c3d4e5f6", ""),
        ("sendgrid", "", "SG." + "a1B2c3D4e5F6g7H8i9J0k1" + "." + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V", ""),
        ("npm", "//registry.example.org/:_authToken=", "npm_" + "a1B2" * 9, ""),
        ("openai", "", "sk-" + "a1B2c3D4e5F6g7H8i9J0" + "T3BlbkFJ" + "a1B2c3D4e5F6g7H8i9J0", ""),
        ("azure_storage_key", "", "AccountKey=" + "a1B2c3D4" * 11, ";Endpoint"),
        ("twilio", "sid ", "AC" + "0123456789abcdef" * 2, ""),
        ("mailchimp", "", "0123456789abcdef" * 2 + "-us12", ""),
        ("basic_auth", "postgres://app:", "s3cret", "@db.example.org/app"),
        ("telegram_token", "", "123456789:" + "AAa1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q", ""),
        ("ibm_cloud_iam", "ibm_cloud_iam_key = ", "a1B2c3D4-e5F6" * 3 + "a1B2c", ""),
        # ours
        ("github_token", "", "github_pat_" + "a1B2c3D4e5F6g7H8i9J0k1", ""),
        ("anthropic", "", "sk-ant-" + "api03-a1B2c3D4e5F6g7H8", ", gone"),
        ("openai", "", "sk-" + "proj-a1B2c3D4e5F6g7H8i9", ""),
        ("google", "?key=", "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", ""),
        ("supabase", "", "sb_secret_" + "a1B2c3D4e5F6g7H8", ""),
        ("pypi_token", "", "pypi-" + "AgEIcHlwaS5vcmc" + "a1B2c3D4" * 9, ""),
        ("npm", "NPM ", "npm_" + "a1B2" * 9, ""),
        ("stripe", "", "sk_test_" + "a1b2c3d4e5f6a1b2", ""),
        ("huggingface", "", "hf_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6", ""),
        ("jwt", "", "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0", ""),
        ("aws", "aws_secret_access_key = ", RANDOM40, ""),
        ("webhook", "https://discord.com/api/webhooks/123456789012345678/", "a1B2c3D4" * 6, ""),
        ("basic_auth", "https://user:", "p@ss:word", "@example.org/x"),
        ("basic_auth", "https://", "a1B2c3D4e5F6g7H8i9J0", "@example.org/x.git"),
        ("authorization", "Authorization: Bearer ", "abcdef0123456789", ""),
        ("authorization", "authorization=token ", "abcdef0123456789", ""),
        ("named", "-H 'x-api-key: ", "abcdef0123456789", "'"),
        ("cookie", "Set-Cookie: session=", "abcdef0123456789", "; Path=/"),
        ("signed_address", "https://s3.example.org/x?X-Amz-Signature=", "abcdef0123456789", "&x=1"),
        ("docker", '{"auth": "', "YWRhOnMzY3JldA==", '"}'),
        ("npm", "_auth=", "YWRhOnMzY3JldA==", ""),
        ("curl_user", "curl -s -u ada:", "s3cret!", " https://example.org"),
        ("netrc", "machine example.org login ada password ", "s3cret!", ""),
        ("named", 'password = "', "hunter2", '"'),
        ("named", "'db_password': '", "correct-horse", "',"),
        ("named", "api_key: ", "a1b2c3d4e5", ""),
        ("named", "+    client_secret := `", "hunter two", "`"),
        ("named", "password: ", "hunter2", " it is"),
        ("named", "password = '", "correct horse battery staple", "'"),
        ("named", "deploy --api-key ", "a1b2c3d4e5", " --force"),
        ("named", "Password=", "My$ecret1", ";Server=db"),
        ("named", 'password_hash = "', "$2b$12$a1B2c3D4e5F6g7H8i9J0k1", '"'),
        ("named", 'connect(password="', "hunter2", '")'),
        ("named", 'secret("', "hunter2", '");'),
        ("named", 'if ("', "hunter2", '" == my_password)'),
        ("named", "export POSTGRES_PASSWORD=", "letmein", ""),
        ("named", "url?access_token=", "a1b2c3d4e5f6", "&x=1"),
        ("named", "host=db user=app password=", "s3cret", " dbname=app"),
        ("named", "Passwort? password: ", "hunter22", " hieß es, größer"),
        ("named", "token = '", HEX40, "'"),
        ("email", "Thanks to <", "ada.lovelace", "@example.org>"),
    ],
)
def test_a_secret_is_hidden_and_what_stands_around_it_is_not(rule: str, before: str, secret: str, after: str) -> None:
    assert hidden(before + secret + after) == [secret]
    assert redact(before + secret + after).counts == {rule: 1}


@pytest.mark.parametrize(
    "text",
    [
        HEX40,
        f"This reverts commit {HEX40}.",
        f"cherry picked from {HEX40[:12]}, sha256:{HEX40}{HEX40[:24]}",
        '"integrity": "sha512-' + "aB3/" * 21 + 'Qw=="',
        'hash = "sha256:' + HEX40 + '"',
        "550e8400-e29b-41d4-a716-446655440000",
        "git@github.com:owner/name.git",
        "+@pytest.fixture\n-@app.task\n@media (max-width: 10px)",
        "uses: actions/checkout@v4.1.2, npm i left-pad@1.3.0",
        "connect(password=password)",
        "password: str | None = None",
        "secret = os.environ['SECRET']",
        "password = ${DB_PASSWORD}",
        'password = "{{ vault_password }}"',
        "PASSWORD=$PASSWORD",
        "api_key: <your key>",
        'password = "********"',
        "max_tokens: 4096",
        "deploy --token $TOKEN --password option",
        'password: "at least eight characters, please."',
        "cookie: accepted, signature=none",
        'token_type = "lparen2"',
        "tokenizer = MBart50Tokenizer.from_pretrained(name)",
        '"tokenizer_file": "tokenizer2.json"',
        'SECRET_NAME = "app-secret-v2"',
        'password_label = "Please enter your new password"',
        "the token expired, the password was wrong and the secret is out",
        "sk-folding-cube-child sk-circle-fade-dot",
        "https://example.org:8080/a@b?x=1",
        "check the BEGIN RSA PRIVATE" + " KEY header",
        "10.0.0.1 203.0.113.7 version 1.2.3.4",
        "APPROVED APACHE2LICENSE? Applies to AP clients",
        "",
    ],
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert hidden(text) == []
    assert redact(text).counts == {}


def test_a_private_key_goes_from_its_first_line_to_its_last_and_lines_stay_lines() -> None:
    redacted = redact(f"before\n{KEY}\nafter")
    assert redacted.text.split("\n") == ["before", *("█" * len(line) for line in KEY.split("\n")), "after"]
    assert redacted.counts == {"private_key": 1}


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("\n".join(f"+{line}" for line in KEY.split("\n")), "+"),
        ("\n".join(f"+{line}" for line in KEY.split("\n")[:-1]) + "\n context of the diff", "+ context of the diff"),
        ("def f():\n" + "\n".join(f"-{line}" for line in KEY.split("\n")[1:]), "def f():"),
        ('{"private_key": "' + KEY.replace("\n", "\\n") + '\\n"}', '{"private_key": ""}'),
        (KEY + "\n" + KEY, ""),
        (KEY.replace("\n", "\r\n") + "\r\nafter", "after"),
        ("> " + KEY.replace("\n", "\n> "), "> "),
        ("PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPublic-Lines: 1\nAAAAB3NzaC1\nPrivate-MAC: 0a1b", ""),
    ],
)
def test_a_private_key_is_known_in_diffs_quotes_and_halves(text: str, stays: str) -> None:
    redacted = redact(text).text
    assert re.sub("[█\r\n]", "", redacted) == stays
    assert redact(redacted).text == redacted


def test_the_other_half_of_an_aws_key_is_known_by_its_neighbour() -> None:
    text = f"AKIA{'IOSFODNN7EXAMPLE'}\n# and\n{RANDOM40}\nfor {HEX40}"
    assert hidden(text) == ["AKIAIOSFODNN7EXAMPLE", RANDOM40]


def test_places_are_counted_by_rule() -> None:
    assert redact("password='hunter2' a@example.org, b@example.org").counts == {"named": 1, "email": 2}


def test_every_plugin_of_detect_secrets_is_used_or_left_out_for_a_reason() -> None:
    found = {
        f"{module.name}.{name}"
        for module in pkgutil.iter_modules(plugins.__path__)
        for name, plugin in vars(importlib.import_module(f"{plugins.__name__}.{module.name}")).items()
        if isinstance(plugin, type) and issubclass(plugin, BasePlugin) and plugin.__module__.endswith(f".{module.name}")
    }
    abstract = {"base.BasePlugin", "base.RegexBasedDetector", "high_entropy_strings.HighEntropyStringsPlugin"}
    assert found - abstract == set(PLUGINS) | set(LEFT_OUT)


TOKENS = [
    "ghp_" + "a1B2" * 9,
    "AKIA" + "IOSFODNN7EXAMPLE",
    RANDOM40,
    HEX40,
    "hunter2",
    "eyJhbGci.eyJzdWI.x",
    "a1b2c3d4",
]
WORDS = ["password", "secret", "token", "user:", "://", "example.org", "Bearer ", "Authorization: ", *KEY.split("\n")]
SIGNS = ["=", ": ", "'", '"', "\n", "\r\n", "\\n", " ", "█", "İ", "é", "👩‍💻", "@", "{", "}", "$", "+", "-"]
PIECES = st.sampled_from([*TOKENS, *WORDS, *SIGNS])


@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=30).map("".join))
def test_length_and_lines_hold_and_a_second_time_changes_nothing(text: str) -> None:
    once = redact(text)
    assert len(once.text) == len(text)
    assert [len(line) for line in once.text.split("\n")] == [len(line) for line in text.split("\n")]
    assert redact(once.text).text == once.text
    assert bool(once.counts) == (once.text != text)


SPACED = ["key" + " " * 500, "clkey" + " " * 3000, "token:", "curl -u ", "login a password ", "aws key '", "a.b@c.d "]
UNSPACED = [
    "a",
    "A1",
    " ",
    "\n",
    "'",
    '"',
    "=",
    "password",
    'password="',
    "SECRET_",
    "eyJ",
    "eyJhbGciOiJ",
    "://a:",
    "a@",
    "sk-",
]
LONG = [
    "AKIA" + "A" * 16,
    "M" + "a1" * 12 + ".",
    "1234567890:",
    "//:_authToken=",
    "x" * 100 + "'secret",
    "abcdefghijk\n",
]


@pytest.mark.parametrize("unit", [*SPACED, *UNSPACED, *LONG, f"{BODY.format('BEGIN')}\n", f"{BODY.format('END')}\n"])
def test_no_text_takes_long(unit: str) -> None:
    text = (unit * (30_000 // len(unit) + 1))[:30_000]
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 5  # each takes well under one; a pattern that backtracks takes hours
