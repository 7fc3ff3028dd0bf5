"""Exports as the vendors' consoles and APIs write them; the numbers are made up."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from routing.price import Usage
from service.costs.charged import Charged
from service.costs.export_file import read_export
from service.errors import InputInvalid

DAY = date(2026, 11, 2)

ANTHROPIC_USAGE = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
    "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
    "usage_output_tokens,web_search_count,inference_geo,speed\n"
    "2026-11-02,claude-haiku-5-5,motif,Default,standard,≤ 200k,100,20,3,4000,50,0,global,\n"
)
ANTHROPIC_COST = (
    "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type\n"
    "2026-11-02,Claude Haiku 5.5,Default,motif,message,≤ 200k,input_no_cache,0.05,0.05,token\n"
    "2026-11-02,,Default,motif,,,,1.00,1.00,web_search\n"
)
OPENAI_USAGE = (
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,input_tokens,output_tokens,"
    "input_cached_tokens\n"
    "1793577600,1793664000,2026-11-02T00:00:00+00:00,2026-11-03T00:00:00+00:00,p,2,gpt-6-luna,1000,500,800\n"
)
OPENAI_COST = (
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n"
    '1793577600,1793664000,,,0.0625,usd,"gpt-6-luna, input",p\n'
)
ANTHROPIC_USAGE_JSON = (
    '{"data": [{"starting_at": "2026-11-02T00:00:00Z", "ending_at": "2026-11-03T00:00:00Z", "results": [{'
    '"uncached_input_tokens": 100, "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 3},'
    '"cache_read_input_tokens": 4000, "output_tokens": 50, "model": "claude-haiku-5-5"}]}], "has_more": true}'
)
ANTHROPIC_COST_JSON = (
    '{"data": [{"starting_at": "2026-11-02T00:00:00Z", "results": [{"currency": "USD", "amount": "123.45", '
    '"model": null, "cost_type": null}]}], "has_more": false}'
)
OPENAI_USAGE_JSON = (
    '{"object": "page", "data": [{"object": "bucket", "start_time": 1793577600, "results": [{"object": '
    '"organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 500, "input_cached_tokens": 800,'
    '"model": "gpt-6-luna"}]}], "has_more": false}'
)
OPENAI_COST_JSON = (
    '{"object": "page", "data": [{"object": "bucket", "start_time": 1793577600, "results": [{"object": '
    '"organization.costs.result", "amount": {"value": 0.06, "currency": "usd"}, "line_item": null}]}]}'
)
GENERIC = "date,model,input_tokens,cache_read_tokens,output_tokens,cost_usd\n2026-11-02,compatible/qwen,10,4,5,0.001\n"

CACHED = Usage(4123, 50, 4000, 23)
OF_OPENAI = Usage(1000, 500, 800)

FORMATS = {
    "anthropic-usage-csv": (ANTHROPIC_USAGE, [Charged(DAY, "anthropic", "claude-haiku-5-5", CACHED)]),
    "anthropic-cost-csv": (
        ANTHROPIC_COST,
        [
            Charged(DAY, "anthropic", "Claude Haiku 5.5", None, 50_000_000, 5_000_000),
            Charged(DAY, "anthropic", "(web_search)", None, 1_000_000_000, 5_000_000),
        ],
    ),
    "openai-usage-csv": (OPENAI_USAGE, [Charged(DAY, "openai", "gpt-6-luna", OF_OPENAI)]),
    "openai-cost-csv": (OPENAI_COST, [Charged(DAY, "openai", "gpt-6-luna", None, 62_500_000, 50_000)]),
    "anthropic-usage-json": (ANTHROPIC_USAGE_JSON, [Charged(DAY, "anthropic", "claude-haiku-5-5", CACHED)]),
    # cents: 123.45 of them are 1.2345 dollars
    "anthropic-cost-json": (ANTHROPIC_COST_JSON, [Charged(DAY, "anthropic", "", None, 1_234_500_000, 50_000)]),
    "openai-usage-json": (OPENAI_USAGE_JSON, [Charged(DAY, "openai", "gpt-6-luna", OF_OPENAI)]),
    "openai-cost-json": (OPENAI_COST_JSON, [Charged(DAY, "openai", "", None, 60_000_000, 5_000_000)]),
    "generic": (GENERIC, [Charged(DAY, "compatible", "qwen", Usage(10, 5, 4), 1_000_000, 500_000)]),
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "export"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_is_read_as_its_vendor_writes_it(name: str, written: Callable[[str | bytes], Path]) -> None:
    text, rows = FORMATS[name]
    assert list(read_export(written(text)).rows) == rows


@pytest.mark.parametrize("name", [name for name in FORMATS if "json" not in name])
def test_a_table_is_read_with_a_mark_of_its_encoding_and_other_line_ends(
    name: str, written: Callable[[str | bytes], Path]
) -> None:
    text, rows = FORMATS[name]
    assert list(read_export(written("\ufeff" + text.replace("\n", "\r\n"))).rows) == rows


def test_a_page_says_that_others_follow(written: Callable[[str | bytes], Path]) -> None:
    assert not read_export(written(ANTHROPIC_USAGE_JSON)).whole
    assert read_export(written(OPENAI_USAGE_JSON)).whole


def test_a_list_of_pages_is_read_as_one(written: Callable[[str | bytes], Path]) -> None:
    pages = f"[{ANTHROPIC_USAGE_JSON}, {ANTHROPIC_USAGE_JSON.replace('true', 'false')}]"
    export = read_export(written(pages))
    assert (len(export.rows), export.whole) == (2, True)


def test_a_table_without_a_vendor_takes_the_one_that_is_given(written: Callable[[str | bytes], Path]) -> None:
    table = "date,model,cost_usd\n2026-11-02,m,1\n"
    assert read_export(written(table), vendor="openai").rows[0].vendor == "openai"
    with pytest.raises(InputInvalid, match="no vendor"):
        read_export(written(table))


REFUSED = {
    "empty": ("", "is empty"),
    "no-rows": ("date,model,cost_usd\n", "holds no usage"),
    "other-columns": ("a,b\n1,2\n", r"no columns that are known \(a, b\)"),
    "binary": (b"\xff\xfe\x00", "is not UTF-8"),
    "bad-json": ('{"data": [', r"is not JSON \(line 1\)"),
    "nan": ('{"data": [NaN]}', "is not JSON"),
    "deep-json": ("[" * 100_000, "is not JSON"),
    "other-json": ('{"rows": []}', "has no list 'data'"),
    "list-of-numbers": ("[1]", "has no list 'data'"),
    "no-results": ('{"data": [{"start_time": 1}]}', "bucket 1 has no list 'results'"),
    "other-api": ('{"data": [{"start_time": 1, "results": [{"images": 1}]}]}', "no usage or cost API"),
    "a-result-that-is-a-number": ('{"data": [{"start_time": 1, "results": [1]}]}', "a result that is no object"),
    "no-page": ('{"data": [], "has_more": false}', "holds no usage"),
    "negative": (ANTHROPIC_USAGE.replace(",4000,", ",-4000,"), "line 2: usage_input_tokens_cache_read is no number"),
    "half-a-token": (ANTHROPIC_USAGE.replace(",4000,", ",4000.5,"), "is no number of tokens"),
    "absurd": (ANTHROPIC_USAGE.replace(",4000,", ",1e99,"), "is no number of tokens"),
    "no-day": (GENERIC.replace("2026-11-02", "yesterday"), "line 2: date is no day"),
    "impossible-day": (GENERIC.replace("2026-11-02", "2026-13-40"), "line 2: date is no day"),
    "far-day": (OPENAI_USAGE_JSON.replace("1793577600", "1" + "0" * 30), "bucket 1: start_time is no day"),
    "no-money": (GENERIC.replace("0.001", "free"), "cost_usd is no amount"),
    "empty-money": (GENERIC.replace("0.001", ""), "line 2: 'compatible/qwen' has no cost_usd"),
    "blank-money": (GENERIC.replace("0.001", " "), "line 2: 'compatible/qwen' has no cost_usd"),
    "cut-off-money": ("date,model,cost_usd\n2026-11-20,openai/gpt-6.1-sol\n", "'openai/gpt-6.1-sol' has no cost_usd"),
    "infinite-money": (GENERIC.replace("0.001", "inf"), "cost_usd is no amount"),
    "euros": (OPENAI_COST.replace("usd", "eur"), "not in USD"),
    "euros-in-json": (ANTHROPIC_COST_JSON.replace("USD", "EUR"), "bucket 1: an amount that is not in USD"),
    "more-values-than-columns": (GENERIC + "2026-11-02,m,1,1,1,1,1,1\n", "line 3: more values than columns"),
    "open-quote": (GENERIC + '2026-11-02,"m\n', "is not CSV"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_gets_one_clear_line(name: str, written: Callable[[str | bytes], Path]) -> None:
    text, said = REFUSED[name]
    with pytest.raises(InputInvalid, match=said) as refused:
        read_export(written(text))
    assert refused.value.message.startswith("export ")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=r"none\.csv cannot be read"):
        read_export(tmp_path / "none.csv")
    with pytest.raises(InputInvalid, match="cannot be read"):
        read_export(tmp_path)
