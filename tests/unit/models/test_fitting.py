import random
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from routing.complexity import score
from routing.weights import DEFAULT, dump_weights, load_weights
from service.models.fitting import Sample, fit, gains_of, try_out

TODAY = date(2026, 11, 20)
SUBJECTS = ("the worker", "a queue", "the pool", "our page", "the parser", "a table", "the client", "one setting")
DEEDS = ("reads the file", "writes a row", "opens a connection", "sends the event", "shows the list", "keeps the key")


def samples(count: int, *, seed: int = 4, driven: bool = True, types: tuple[str, ...] = ("",)) -> list[Sample]:
    """Made-up outcomes: local models fail four times in five where a text speaks of the scheduler, else once in ten."""
    made = random.Random(seed)  # noqa: S311
    found: list[Sample] = []
    for number in range(count):
        hard = made.random() < 0.4
        sentences = [f"{made.choice(SUBJECTS)} {made.choice(DEEDS)}." for _ in range(made.randint(2, 12))]
        if hard:
            sentences.insert(made.randrange(len(sentences)), "It concerns the scheduler.")
        fails = made.random() < ((0.8 if hard else 0.1) if driven else 0.4)
        found.append(
            Sample(
                " ".join(sentences),
                str(number),
                made.choice(types),
                "issue",
                weak=float(not fails),
                strong=float(made.random() < 0.95) if made.random() < 0.3 else None,
            )
        )
    return found


def test_what_drives_success_is_found_and_is_better_beyond_doubt():
    trial = try_out(samples(400), on=TODAY)
    assert trial.better
    assert trial.fitted > 0.65 > trial.current
    hard = score("the pool opens a connection. It concerns the scheduler.", kind="issue", weights=trial.weights)
    easy = score("the pool opens a connection. It concerns the list.", kind="issue", weights=trial.weights)
    assert hard.score > 1.3 * easy.score


def test_where_nothing_drives_success_nothing_is_found():
    assert not try_out(samples(400, driven=False), on=TODAY).better


def test_level_and_spread_stay_so_that_thresholds_mean_what_they_meant():
    learned_from = samples(400)
    weights = fit(learned_from, on=TODAY)

    def log_odds(sample: Sample, of: object) -> float:
        return sum(score(sample.text, kind=sample.kind, weights=weights if of is weights else DEFAULT).parts.values())

    unseen = samples(300, seed=5)
    before = np.array([log_odds(sample, DEFAULT) for sample in unseen])
    after = np.array([log_odds(sample, weights) for sample in unseen])
    assert after.mean() == pytest.approx(before.mean(), abs=0.3)
    assert after.std() == pytest.approx(before.std(), rel=0.4)


def test_fitting_is_the_same_every_time_and_survives_its_file(tmp_path: Path):
    once, again = fit(samples(250), on=TODAY), fit(samples(250), on=TODAY)
    assert once == again
    file = tmp_path / "router.json"
    file.write_bytes(dump_weights(once))
    assert load_weights(file) == once
    assert len(file.read_bytes()) < 200_000
    assert b"scheduler" not in file.read_bytes()


def test_a_second_fit_starts_from_the_first():
    first = fit(samples(300), on=TODAY)
    second = try_out(samples(300, seed=6), on=TODAY, current=first)
    # The first knew it all already.
    assert second.current > 0.65
    assert not second.better


def test_a_type_of_task_that_is_easier_is_not_taken_for_an_easier_text():
    mixed = [
        Sample(f"{sample.text}", sample.group, kind, weak=weak, strong=1.0)
        for sample in samples(300)
        for kind, weak in (("content_analysis", 1.0), ("pattern_extraction", sample.weak))
    ]
    trial = try_out(mixed, on=TODAY)
    assert trial.fitted > 0.65


def test_a_strong_model_that_was_never_asked_is_taken_to_be_right_as_often_as_elsewhere():
    one, other, never = (Sample("a", str(n), weak=0.0, strong=strong) for n, strong in enumerate((1.0, 0.5, None)))
    assert gains_of([one, other, never]).tolist() == [1.0, 0.5, 0.75]
    assert gains_of([never]).tolist() == [1.0]


def test_outcomes_without_a_weak_model_or_of_one_group_teach_nothing():
    with pytest.raises(ValueError, match="one group"):
        fit([Sample("a", "1", strong=1.0)] * 10, on=TODAY)
    with pytest.raises(ValueError, match="one group"):
        fit([Sample("a", "1", weak=1.0)] * 10, on=TODAY)
