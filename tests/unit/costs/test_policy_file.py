from pathlib import Path

import pytest

from routing.price import NUSD
from routing.rules import RULES
from routing.task import Importance, TaskType
from service.costs.policy_file import DayLimits, TriedPolicy, read_policy
from service.errors import InputInvalid


def policy(folder: Path, text: str) -> TriedPolicy:
    path = folder / "policy.toml"
    path.write_text(text)
    return read_policy(path)


def test_an_empty_policy_is_the_one_in_force(tmp_path: Path) -> None:
    assert policy(tmp_path, "") == TriedPolicy()


def test_a_vendor_that_there_is_not_has_no_budget(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="opnai"):
        policy(tmp_path, "[budget]\nvendors = { opnai = 2 }\n")


def test_what_is_said_replaces_what_is_in_force_and_nothing_else(tmp_path: Path) -> None:
    tried = policy(
        tmp_path,
        """
        [thresholds]
        content_analysis = 0.5
        [targets]
        high = 0.9
        [rules]
        explore_one_in = 0
        near = 0.1
        [budget]
        day = 12.5
        vendors = { openai = 3 }
        [models]
        only = ["ollama/qwen3:8b", "openai/gpt-6-luna"]
        [[model]]
        name = "ollama/qwen3:8b"
        place = "local"
        context_tokens = 32000
        task_types = ["content_analysis"]
        capability = { content_analysis = 0.8 }
        [[price]]
        vendor = "openai"
        model = "gpt-6-luna"
        input = 0.2
        output = 1
        """,
    )
    assert tried.rules.thresholds == {**RULES.thresholds, TaskType.CONTENT_ANALYSIS: 0.5}
    assert tried.rules.targets == {**RULES.targets, Importance.HIGH: 0.9}
    assert (tried.rules.explore_one_in, tried.rules.near, tried.rules.disappointment) == (0, 0.1, RULES.disappointment)
    assert tried.limits == DayLimits(12_500_000_000, {"openai": 3 * NUSD})
    assert tried.only == {"ollama/qwen3:8b", "openai/gpt-6-luna"}
    [model] = tried.models
    assert (model.ref, model.place, model.context_tokens) == ("ollama/qwen3:8b", "local", 32_000)
    assert (model.task_types, model.capability) == ({TaskType.CONTENT_ANALYSIS}, {TaskType.CONTENT_ANALYSIS: 0.8})
    assert tried.prices["openai", "gpt-6-luna"].tiers[0].input == NUSD // 5


REFUSED = {
    "not-toml": ("[", "is not TOML"),
    "unknown-table": ("[treshold]\nx = 1", "has 'treshold'; it takes thresholds"),
    "unknown-type": ("[thresholds]\nguessing = 0.5", "thresholds has 'guessing'"),
    "unknown-importance": ("[targets]\nutmost = 0.5", "targets has 'utmost'"),
    "above-1": ("[targets]\nlow = 1.5", "targets.low is a number from 0 to 1"),
    "below-0": ("[thresholds]\ncontent_analysis = -0.1", "is a number from 0 to 1"),
    "nan": ("[thresholds]\ncontent_analysis = nan", "is a number from 0 to 1"),
    "a-word": ('[thresholds]\ncontent_analysis = "low"', "is a number from 0 to 1"),
    "no-table": ("thresholds = 5", "thresholds is a table"),
    "half-explored": ("[rules]\nexplore_one_in = 0.5", "explore_one_in is a whole number"),
    "negative-budget": ("[budget]\nday = -1", "budget.day is a number of dollars"),
    "endless-budget": ("[budget]\nday = inf", "budget.day is a number of dollars"),
    "vendor-budget": ("[budget]\nvendors = 5", "budget.vendors is a table"),
    "model-without-vendor": ('[models]\nonly = ["gpt-6-luna"]', "models.only is written vendor/model"),
    "no-list": ('[models]\nonly = "openai/x"', "models.only is a list"),
    "model-nowhere": ('[[model]]\nname = "a/b"\nplace = "moon"', "the place of a/b is local or commercial"),
    "model-of-unknown-type": ('[[model]]\nname = "a/b"\ntask_types = ["x"]', "task_types of a/b are among"),
    "model-without-name": ("[[model]]\nplace = 'local'", "name is written vendor/model"),
    "model-without-room": ('[[model]]\nname = "a/b"\ncontext_tokens = 0', "context_tokens of a/b"),
    "model-with-a-slip": ('[[model]]\nname = "a/b"\ncontext = 1', "has 'context'"),
    "bad-price": ('[[price]]\nvendor = "openai"\nmodel = "x"\ninput = -1\noutput = 1', "input is below 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_one_plain_line(name: str, tmp_path: Path) -> None:
    text, said = REFUSED[name]
    with pytest.raises(InputInvalid) as refused:
        policy(tmp_path, text)
    assert said in refused.value.message
    assert refused.value.message.startswith("policy.toml")
    assert "\n" not in refused.value.message
