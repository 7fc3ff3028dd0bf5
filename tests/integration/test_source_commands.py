"""`motif sources`: who may see what, said on the command line."""

import json
from pathlib import Path

import pytest
from mined import refusal, write_example


@pytest.fixture
def history(motif, tmp_path: Path) -> str:
    """The name of a history that a project learned from."""
    path = write_example(tmp_path / "history.jsonl", 30)
    assert motif("mine", str(path), "--project", "team").returncode == 0
    return path.stem


def test_a_source_is_closed_until_an_admin_opens_it_and_can_be_closed_again(motif, history: str):
    def listed() -> tuple[str, list[str]]:
        [source] = json.loads(motif("sources", "list", "--project", "team", "--json").stdout)
        return source["remote_models"], source["remote_vendors"]

    assert listed() == ("deny", [])
    opened = motif("sources", "allow", history, "--project", "team", "--vendor", "openai", "--vendor", "anthropic")
    assert opened.stdout == f"{history} may be seen by: anthropic, openai.\n", opened.stderr
    assert listed() == ("allow", ["anthropic", "openai"])
    assert motif("sources", "allow", history, "--project", "team").stdout.endswith("all that are set.\n")
    assert "all that are set" in motif("sources", "list", "--project", "team").stdout
    assert motif("sources", "deny", history, "--project", "team").stdout == f"{history} may be seen by: none.\n"
    assert listed() == ("deny", [])


def test_what_cannot_be_meant_is_refused_in_a_line(motif, history: str):
    assert "no such vendor" in refusal(motif("sources", "allow", history, "--project", "team", "--vendor", "nobody"))
    assert "no such source" in refusal(motif("sources", "deny", "elsewhere", "--project", "team"))
    refusal(motif("sources", "list", "--project", "nowhere"))


def test_what_is_not_there_is_looked_for_with_commands_first(motif, history: str, tmp_path: Path):
    text = tmp_path / "text.md"
    text.write_text("Never merge on a Friday.")
    listing = "`motif sources list --project NAME`"
    assert listing in refusal(motif("sources", "deny", "elsewhere", "--project", "team"))
    assert listing in refusal(motif("route", "explain", "--text", str(text), "--source", "elsewhere"))
    nowhere = "3d0f6d1e-0000-4000-8000-000000000000"
    assert "`motif extract`" in refusal(motif("route", "explain", nowhere))
    assert "`motif patterns list`" in refusal(motif("patterns", "show", nowhere))
    assert "`motif operator list`" in refusal(motif("operator", "revoke", nowhere))


def test_a_vendor_without_its_key_or_of_no_embeddings_is_refused_in_a_line(motif, history: str):
    for model, said in (
        ("openai:text-embedding-3-small", "MOTIF_OPENAI_API_KEY"),
        ("compatible:bge-m3", "MOTIF_COMPATIBLE_URL"),
        ("ollama:nomic-embed-text", "MOTIF_OLLAMA_URL"),
        ("anthropic:claude", "offers no embeddings"),
        ("openai:", "names no model"),
    ):
        assert said in refusal(motif("match", "retry", MOTIF_EMBEDDING_MODEL=model)), model
