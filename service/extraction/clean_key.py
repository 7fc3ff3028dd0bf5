"""Keys that callers choose, without the secrets that some put into them."""

from service.extraction.commit_text import author_key
from service.extraction.own_words import digest
from service.extraction.redact import redact


def clean_key(key: str) -> str:
    """The key as it is; a hash of one that holds a secret, so that different keys stay different ones."""
    return key if redact(key).text == key else f"hidden:{digest(key)[:40]}"


def clean_author(key: str) -> str:
    """A pseudonym as it is; of a mail address the one that its owner's commits have."""
    return (author_key(key) if "@" in key else None) or clean_key(key)
