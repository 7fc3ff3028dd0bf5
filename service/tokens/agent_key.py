"""How agents' keys look: `motif_`, 43 random letters and digits (256 bits), 6 of a checksum. Only hashes are kept."""

import hashlib
import secrets
import string
import zlib

PREFIX = "motif_"
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM, _CHECKSUM = 43, 6
LENGTH = len(PREFIX) + _RANDOM + _CHECKSUM


def new_key() -> str:
    """A key that nobody else has; to be shown once."""
    body = PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))
    return body + _checksum(body)


def looks_like_a_key(text: str) -> bool:
    """Whether it is one of ours by its form: a slip of the finger is found without asking the database."""
    return len(text) == LENGTH and text.isascii() and text[-_CHECKSUM:] == _checksum(text[:-_CHECKSUM])


def hash_of(key: str) -> bytes:
    """What is kept of a key: 32 bytes. Plain SHA-256 is enough where the key itself is 256 random bits."""
    return hashlib.sha256(key.encode()).digest()


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_LETTERS))
        digits = _LETTERS[digit] + digits
    return digits
