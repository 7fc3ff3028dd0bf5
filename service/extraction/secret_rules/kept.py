"""detect-secrets' patterns as rules: its plugins hold the patterns, this table says where to try them."""

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import cast

from service.extraction.secret_rules.rule import Rule, has_digit_and_letter, is_mixed, is_value

_KEY_WORDS = ("key", "pass", "pwd", "token")


def _after(prefix: str) -> tuple[str, ...]:
    """What a name of this prefix can go on with: the prefix alone would stand in too many words."""
    return tuple(f"{prefix}{sign}{word}" for sign in ("", "_", "-") for word in ("api", "key", "pass", "pw", "token"))


# module.Class: (needles, group that is the secret, second look).
PLUGINS: dict[str, tuple[tuple[str, ...], int, Callable[[str], bool] | None]] = {
    "artifactory.ArtifactoryDetector": (("AKC", "AP"), 0, has_digit_and_letter),
    "aws.AWSKeyDetector": (("A3T", "ABIA", "ACCA", "AKIA", "ASIA", "aws"), 1, None),
    "azure_storage_key.AzureStorageKeyDetector": (("AccountKey=",), 0, None),
    "basic_auth.BasicAuthDetector": (("://",), 1, is_value),
    "cloudant.CloudantDetector": (("cloudant", "clou", *_after("cl")), 1, None),
    "discord.DiscordBotTokenDetector": ((), 0, is_mixed),
    "github_token.GitHubTokenDetector": (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), 0, None),
    "gitlab_token.GitLabTokenDetector": (
        (
            "glpat-",
            "gldt-",
            "glft-",
            "glsoat-",
            "glrt-",
            "GR1348941",
            "glcbt-",
            "glimt-",
            "glptt-",
            "glagent-",
            "gloas-",
        ),
        0,
        None,
    ),
    "ibm_cloud_iam.IbmCloudIamDetector": (_KEY_WORDS, 1, has_digit_and_letter),
    "ibm_cos_hmac.IbmCosHmacDetector": (("secret",), 1, None),
    "jwt.JwtTokenDetector": (("eyJ",), 0, None),
    "mailchimp.MailchimpDetector": (("-us",), 0, None),
    "npm.NpmDetector": ((":_authToken=",), 1, is_value),
    "openai.OpenAIDetector": (("T3BlbkFJ",), 0, None),
    "pypi_token.PypiTokenDetector": (("pypi-AgE",), 0, None),
    "sendgrid.SendGridDetector": (("SG.",), 0, None),
    "slack.SlackDetector": (("xox", "hooks.slack.com"), 0, None),
    "softlayer.SoftlayerDetector": (("softlayer", *_after("sl")), 1, None),
    "square_oauth.SquareOAuthDetector": (("sq0csp-",), 0, None),
    "stripe.StripeDetector": (("k_live_",), 0, None),
    "telegram_token.TelegramBotTokenDetector": ((), 0, is_mixed),
    "twilio.TwilioKeyDetector": (("AC", "SK"), 0, has_digit_and_letter),
}

LEFT_OUT = {
    "ip_public.IPPublicDetector": "an address is no secret, and versions look like one",
    "high_entropy_strings.Base64HighEntropyString": "hits the hashes of lock files",
    "high_entropy_strings.HexHighEntropyString": "hits commit shas, which are our evidence",
    "keyword.KeywordDetector": "its names are taken, see `kept_names`",
    "private_key.PrivateKeyDetector": "finds the header only; our rule takes the whole block",
}

# These allow any number of spaces around a sign and try every way to share them out: only near their name, then.
_BACKTRACKING = ("cloudant", "ibm_cloud_iam", "ibm_cos_hmac", "softlayer")


def kept_rules() -> tuple[Rule, ...]:
    """The rules made of detect-secrets' patterns. Importing it costs about 0.15 s CPU, so it happens here."""
    rules: list[Rule] = []
    for path, (needles, group, check) in PLUGINS.items():
        module, _, class_name = path.partition(".")
        plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), class_name)
        reach = 120 if module in _BACKTRACKING else 600
        for pattern in cast(Iterable[re.Pattern[str]], plugin.denylist):
            # A pattern without groups is a secret as a whole, whatever the table says of its sisters.
            rules.append(Rule(module, pattern, needles, group=min(group, pattern.groups), reach=reach, check=check))
    return tuple(rules)


def kept_names() -> tuple[str, ...]:
    """Names of secrets, as patterns, of detect-secrets' keyword plugin.

    Not its patterns around them: those take cubic time on a long word, and tell no word from a secret.
    """
    return cast(tuple[str, ...], import_module("detect_secrets.plugins.keyword").DENYLIST)
