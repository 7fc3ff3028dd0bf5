from pathlib import Path

import pytest

from routing.price import NUSD, Tier
from service.errors import ConfigurationError
from service.models.prices import known_prices
from service.settings import Settings

ENTRY = '[[price]]\nvendor = "compatible"\nmodel = "m"\ninput = 1\noutput = 2\n'


def settings_with(folder: Path, text: str | bytes) -> Settings:
    path = folder / "prices.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Settings(_env_file=None, prices_file=path)


def test_a_file_adds_a_model_with_cache_and_tiers(tmp_path: Path) -> None:
    text = (
        '[[price]]\nvendor = "compatible"\nmodel = "qwen3-32b"\ninput = 0.2\noutput = 0.6\ncache_read = 0.05\n'
        "cache_write = 0.25\n[[price.tiers]]\nabove_tokens = 128000\ninput = 0.4\noutput = 1.2\n"
    )
    rates = known_prices(settings_with(tmp_path, text)).rates("compatible", "qwen3-32b")
    assert rates is not None
    assert rates.tiers == (
        Tier(200_000_000, 600_000_000, 50_000_000, 250_000_000),
        # a tier that says nothing of a cache charges its plain price
        Tier(400_000_000, 1_200_000_000, 400_000_000, 400_000_000, 128_001),
    )


def test_a_file_goes_before_the_table_and_leaves_the_rest_of_it(tmp_path: Path) -> None:
    prices = known_prices(settings_with(tmp_path, ENTRY.replace("compatible", "openai").replace('"m"', '"o3"')))
    assert (own := prices.rates("openai", "o3")) is not None
    assert own.tiers[0].input == NUSD
    assert (other := prices.rates("openai", "o1")) is not None
    assert other.version.startswith("genai-prices")


def test_the_version_of_an_entry_changes_with_it_and_with_nothing_else(tmp_path: Path) -> None:
    def version(text: str) -> str:
        rates = known_prices(settings_with(tmp_path, text)).rates("compatible", "m")
        assert rates is not None
        return rates.version

    other = ENTRY.replace('"m"', '"n"')
    assert version(ENTRY) == version(other + ENTRY) == version("# a remark\n" + ENTRY)
    assert version(ENTRY) != version(ENTRY.replace("output = 2", "output = 3"))
    assert version(ENTRY).startswith("file ")


def test_what_is_free_has_to_be_said_to_be(tmp_path: Path) -> None:
    free = ENTRY.replace("input = 1", "input = 0").replace("output = 2", "output = 0")
    rates = known_prices(settings_with(tmp_path, free)).rates("compatible", "m")
    assert rates is not None
    assert rates.tiers == (Tier(0, 0, 0, 0),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[price", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        ("x = [" * 5_000, "is not TOML"),
        ("prices = 1", "has 'prices'; it takes [[price]] only"),
        ("price = 1", "each entry begins with [[price]]"),
        ("price = [1]", "[[price]] 1 is no table"),
        (ENTRY + "discount = 5\n", "[[price]] 1 has 'discount'"),
        (ENTRY.replace("compatible", "azure"), "vendor is one of"),
        (ENTRY.replace('vendor = "compatible"\n', ""), "vendor is one of"),
        (ENTRY.replace('"compatible"', '["compatible"]'), "vendor is one of"),
        (ENTRY.replace('"m"', '" "'), "names no model"),
        (ENTRY.replace('"m"', "7"), "names no model"),
        (ENTRY.replace("output = 2\n", ""), "(compatible/m) has no price for output"),
        (ENTRY.replace("input = 1", "input = -1"), "input is below 0"),
        (ENTRY.replace("input = 1", "input = 1e9"), "which nothing costs"),
        (ENTRY.replace("input = 1", "input = 1e999999999"), "which nothing costs"),
        (ENTRY.replace("input = 1", "input = nan"), "input is a number of dollars"),
        (ENTRY.replace("input = 1", "input = inf"), "input is a number of dollars"),
        (ENTRY.replace("input = 1", 'input = "1"'), "input is a number of dollars"),
        (ENTRY.replace("input = 1", "input = true"), "input is a number of dollars"),
        (ENTRY.replace("input = 1", "input = 0.0000000001"), "more than nine places"),
        (ENTRY.replace("input = 1", "input = 0.1000000000000000000000000000000001"), "more than nine places"),
        (ENTRY + ENTRY, "[[price]] 2: compatible/m has a price already"),
        (ENTRY + "tiers = 5\n", "tiers is a list"),
        (ENTRY + "tiers = [5]\n", "a tier is a table"),
        (ENTRY + "[[price.tiers]]\ninput = 1\noutput = 1\n", "above_tokens is a whole number"),
        (ENTRY + "[[price.tiers]]\nabove_tokens = 0\ninput = 1\noutput = 1\n", "above_tokens is a whole number"),
        (ENTRY + "[[price.tiers]]\nabove_tokens = 9\ninput = 1\n", "has no price for output"),
        (ENTRY + "[[price.tiers]]\nabove_tokens = 9\nfrom = 1\n", "a tier has 'from'"),
        (ENTRY + "[[price.tiers]]\nabove_tokens = 9\ninput = 1\noutput = 1\n" * 2, "tiers rise"),
        ("#" * 1_000_001, "larger than 1 MB"),
    ],
    ids=range(31),
)
def test_a_mistake_in_the_file_is_one_plain_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        known_prices(settings_with(tmp_path, text))
    assert said in refused.value.message
    assert refused.value.message.startswith("MOTIF_PRICES_FILE: ")
    assert "\n" not in refused.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml cannot be read"):
        known_prices(Settings(_env_file=None, prices_file=tmp_path / "none.toml"))
