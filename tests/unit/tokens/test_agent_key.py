"""Agents' keys are random, known by their form, and hidden wherever a text is redacted."""

import pytest

from service.extraction.redact import redact
from service.tokens.agent_key import LENGTH, hash_of, looks_like_a_key, new_key


def test_keys_differ_and_look_like_keys():
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(looks_like_a_key(key) and len(key) == LENGTH and key.startswith("motif_") for key in keys)
    assert len({hash_of(key) for key in keys}) == 1000
    assert {len(hash_of(key)) for key in keys} == {32}


@pytest.mark.parametrize("spoil", [
    lambda key: key[:-1],
    lambda key: key + "a",
    lambda key: key[:10] + ("a" if key[10] != "a" else "b") + key[11:],
    lambda key: key[:10] + key[11] + key[10] + key[12:] if key[10] != key[11] else key[1:],
    lambda key: key.upper(),
    lambda key: "x" * LENGTH,
    lambda key: "é" * LENGTH,
    lambda _: "",
])  # fmt: skip
def test_a_slip_of_the_finger_is_no_key(spoil):
    assert not looks_like_a_key(spoil(new_key()))


@pytest.mark.parametrize("text", ["{}", "Authorization: Bearer {}", "KEY={}", "curl -H 'x: {}' y", "{}.", "({})"])
def test_a_key_in_a_text_is_hidden(text: str):
    key = new_key()
    hidden = redact(text.format(key))
    assert key[6:] not in hidden.text
    assert len(hidden.text) == len(text.format(key))


def test_our_own_names_are_not_taken_for_keys():
    for text in (
        "motif_service logs in as motif_api",
        "motif_http_request_seconds_bucket_of_a_longer_name_than_usual_xyz",
    ):
        assert redact(text).text == text
