"""detect-secrets' patterns as rules: its plugins hold the patterns, this table says where to try them."""

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import cast

from service.extraction.secret_rules.rule import Rule, has_digit_and_letter, is_mixed, is_value

_KEY_WORDS = ("key", "pass", "pwd", "token")

# module.Class: (needles, group that is the secret, second look).
PLUGINS: dict[str, tuple[tuple[str, ...], int, Callable[[str], bool] | None]] = {
    "artifactory.ArtifactoryDetector": (("akc", "ap"), 0, has_digit_and_letter),
    "aws.AWSKeyDetector": (("a3t", "abia", "acca", "akia", "asia", "aws"), 1, None),
    "azure_storage_key.AzureStorageKeyDetector": (("accountkey=",), 0, None),
    "basic_auth.BasicAuthDetector": (("://",), 1, is_value),
    "cloudant.CloudantDetector": (("cl_", "cl-", "clk", "clp", "clt", "cla", "clou"), 1, None),
    "discord.DiscordBotTokenDetector": ((), 0, is_mixed),
    "github_token.GitHubTokenDetector": (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), 0, None),
    "gitlab_token.GitLabTokenDetector": (
        (
            "glpat-",
            "gldt-",
            "glft-",
            "glsoat-",
            "glrt-",
            "gr1348941",
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
    "jwt.JwtTokenDetector": (("eyj",), 0, None),
    "mailchimp.MailchimpDetector": (("-us",), 0, None),
    "npm.NpmDetector": ((":_authtoken=",), 1, is_value),
    "openai.OpenAIDetector": (("t3blbkfj",), 0, None),
    "pypi_token.PypiTokenDetector": (("pypi-age",), 0, None),
    "sendgrid.SendGridDetector": (("sg.",), 0, None),
    "slack.SlackDetector": (("xox", "hooks.slack.com"), 0, None),
    "softlayer.SoftlayerDetector": (("softlayer", "sl_", "sl-", "slk", "slp", "slt", "sla"), 1, None),
    "square_oauth.SquareOAuthDetector": (("sq0csp-",), 0, None),
    "stripe.StripeDetector": (("k_live_",), 0, None),
    "telegram_token.TelegramBotTokenDetector": ((), 0, is_mixed),
    "twilio.TwilioKeyDetector": ((), 0, has_digit_and_letter),
}

LEFT_OUT = {
    "ip_public.IPPublicDetector": "an address is no secret, and versions look like one",
    "high_entropy_strings.Base64HighEntropyString": "hits the hashes of lock files",
    "high_entropy_strings.HexHighEntropyString": "hits commit shas, which are our evidence",
    "private_key.PrivateKeyDetector": "finds the header only; our rule takes the whole block",
}

_SECRET_WORDS = ("key", "pass", "pwd", "secret", "contrase")


def kept_rules() -> tuple[Rule, ...]:
    """The rules made of detect-secrets' patterns. Importing it costs about 0.15 s CPU, so it happens here."""
    rules: list[Rule] = []
    for path, (needles, group, check) in PLUGINS.items():
        module, _, class_name = path.partition(".")
        plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), class_name)
        for pattern in cast(Iterable[re.Pattern[str]], plugin.denylist):
            # A pattern without groups is a secret as a whole, whatever the table says of its sisters.
            rules.append(Rule(module, pattern, needles, group=min(group, pattern.groups), check=check))
    keyword = import_module("detect_secrets.plugins.keyword")
    quoted = cast(dict[re.Pattern[str], int], keyword.QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP)
    for pattern, group in quoted.items():
        rules.append(Rule("keyword", pattern, _SECRET_WORDS, group=group, before=200, reach=400, check=is_value))
    return tuple(rules)
