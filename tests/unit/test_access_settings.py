"""Settings of who gets in: what cannot be meant is refused by name; of what may be secret, without its value."""

import pytest

from service.errors import ConfigurationError
from service.settings import Settings, load_settings

SECRET = "canary-5b1c-which-is-long-enough-for-it"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "http://motif.example.org"),
        ("ALLOWED_HOSTS", "motif.example.org:8100"),
        ("ALLOWED_HOSTS", "motif.example.org/x"),
        ("ALLOWED_HOSTS", "a@b"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "app.example.org"),
        ("CORS_ORIGINS", "https://app.example.org/"),
        ("CORS_ORIGINS", "https://*.example.org"),
        ("CORS_ORIGINS", "https://a.example.org,https://b.example.org/x"),
        ("TRUSTED_PROXIES", "proxy.example.org"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("RATE_LIMIT_PER_MINUTE", "-1"),
        ("SUPABASE_URL", "abc.supabase.co"),
        ("SUPABASE_URL", "https://abc.supabase.co/auth/v1"),
        ("SUPABASE_URL", "https://user:canary-5b1c@abc.supabase.co"),
        ("SUPABASE_URL", "ftp://abc.supabase.co"),
        ("SUPABASE_JWT_SECRET", SECRET),  # of which issuer?
        ("SUPABASE_JWT_SECRET", "canary-5b1c"),
        ("SUPABASE_PUBLISHABLE_KEYS", "sb_secret_canary-5b1c-canary-5b1c"),
        ("SUPABASE_SECRET_KEYS", "sb_publishable_canary-5b1c-canary"),
        ("SUPABASE_SECRET_KEYS", "sb_secret_canary-5b1c"),
        ("SUPABASE_SECRET_KEYS", "canary-5b1c"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"MOTIF_{name}", value)
    with pytest.raises(ConfigurationError, match=f"MOTIF_{name}: ") as caught:
        load_settings()
    assert "canary" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOTIF_ALLOWED_HOSTS", " Motif.example.org, [fd00::1],")
    monkeypatch.setenv("MOTIF_CORS_ORIGINS", "https://App.example.org,http://localhost:3000")
    settings = load_settings()
    assert settings.allowed_hosts == ("motif.example.org", "[fd00::1]")
    assert settings.cors_origins == ("https://app.example.org", "http://localhost:3000")


def test_secrets_are_not_shown():
    settings = Settings(
        _env_file=None,
        supabase_url="https://abc.supabase.co/",
        supabase_jwt_secret=SECRET,  # type: ignore[arg-type]
        supabase_secret_keys=f"sb_secret_{SECRET}",  # type: ignore[arg-type]
    )
    assert settings.supabase_url == "https://abc.supabase.co"
    assert "canary" not in repr(settings) + str(settings)


@pytest.mark.parametrize("vendor", ["anthropic", "openai", "compatible"])
def test_an_empty_key_is_none(monkeypatch: pytest.MonkeyPatch, vendor: str):
    """`MOTIF_OPENAI_API_KEY=` in a .env file: a vendor without a key is never asked."""
    for value in ("", "  "):
        monkeypatch.setenv(f"MOTIF_{vendor.upper()}_API_KEY", value)
        assert getattr(load_settings(), f"{vendor}_api_key") is None
    monkeypatch.setenv(f"MOTIF_{vendor.upper()}_API_KEY", " sk-1\n")
    assert getattr(load_settings(), f"{vendor}_api_key").get_secret_value() == "sk-1"
