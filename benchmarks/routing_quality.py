"""How well the complexity score tells which questions need the strong model: RouteLLM's measures on MMLU and GSM8K.

    python benchmarks/routing_quality.py FOLDER [--resamples 1000]

FOLDER holds RouteLLM's outcomes of Mixtral-8x7B and GPT-4: mmlu/responses/*.csv and gsm8k/gsm8k_responses.csv (prompt,
weak right?, strong right?), each with contaminated_prompts.jsonl beside it, whose prompts are left out.

Untrained: the built-in weights. Fitted: service/models/fitting.py, as `motif router fit` runs it, written to a file and
read back; on MMLU without the subjects that are scored (19 fits, three subjects left out at a time), on GSM8K in 5
folds. Its penalty is chosen inside of what it is fitted on. Beside them, in the same run: random, length of the prompt,
and TF-IDF + ridge in folds of the same kind (its vocabulary is of all prompts, which favours it).
Random has APGR .5, CPT50 50, CPT80 80. Intervals: bootstrap of 95 % over prompts, on MMLU over subjects too.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from routing.complexity import load_weights, score
from routing.weights import dump_weights
from service.models.fitting import Sample, fit, gains_of, unseen_scores
from service.models.recovered import Numbers, Rows, apgr, calls_for, interval

SCIENCE = (
    *("algebra", "math", "physics", "chemistry", "statistics", "engineering", "computer", "machine", "logic"),
    *("econo", "accounting", "astronomy"),
)
MEDICINE = ("medic", "anatomy", "biology", "clinical", "virology", "nutrition", "genetics", "aging", "sexuality")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resamples", type=int, default=1_000)
    arguments = parser.parse_args()
    if not (arguments.folder / "mmlu").is_dir():
        sys.exit(f"{arguments.folder} holds no RouteLLM outcomes (mmlu/, gsm8k/): nothing was measured.")
    csv.field_size_limit(sys.maxsize)
    for name, samples in (("MMLU", mmlu(arguments.folder)), ("GSM8K", gsm8k(arguments.folder))):
        told(name, samples, arguments.resamples)


def mmlu(folder: Path) -> list[Sample]:
    files = sorted((folder / "mmlu/responses").glob("*.csv"))
    kept = [(file.stem.removeprefix("mmlu_"), row) for file in files for row in rows(file)]
    left_out = contaminated(folder / "mmlu")
    return [sample(row, subject) for subject, row in kept if row[0] not in left_out]


def gsm8k(folder: Path) -> list[Sample]:
    left_out = contaminated(folder / "gsm8k")
    kept = rows(folder / "gsm8k/gsm8k_responses.csv")
    return [sample(row, str(number)) for number, row in enumerate(kept) if row[0] not in left_out]


def rows(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines))[1:]


def contaminated(folder: Path) -> set[str]:
    lines = (folder / "contaminated_prompts.jsonl").read_text("utf-8").splitlines()
    return {json.loads(line)["eval_prompt"] for line in lines}


def sample(row: list[str], group: str) -> Sample:
    return Sample(row[0], group, weak=float(row[1] == "True"), strong=float(row[2] == "True"))


def told(name: str, samples: list[Sample], resamples: int) -> None:
    gains = gains_of(samples)
    groups = np.unique([one.group for one in samples], return_inverse=True)[1]
    folds = 19 if name == "MMLU" else 5
    lengths = np.array([float(len(one.text)) for one in samples])
    untrained = np.array([score(one.text).score for one in samples])
    weak, strong = (float(np.mean([getattr(one, who) for one in samples])) for who in ("weak", "strong"))
    print(f"\n{name}: {len(samples)} prompts, weak {weak:.3f}, strong {strong:.3f}")
    fitted = unseen_scores(samples, on=datetime.now(UTC).date(), folds=folds)
    scorers = {
        "length": lengths,
        "TF-IDF + ridge, same folds": by_tfidf(samples, gains, groups, folds),
        "untrained": untrained,
        f"fitted, {'subjects left out' if name == 'MMLU' else '5-fold'}": fitted,
    }
    print(f"{'':28}{'APGR':>6}  {'interval':16}{'CPT50':>6}{'CPT80':>7}   within lengths   rank corr. with length")
    made = np.random.default_rng(4)
    chance = [made.random(len(samples)) for _ in range(200)]
    print(
        f"{'random, mean of 200':28}{np.mean([apgr(one, gains) for one in chance]):6.3f}{'':18}"
        f"{100 * np.mean([calls_for(0.5, one, gains) for one in chance]):8.1f}"
        f"{100 * np.mean([calls_for(0.8, one, gains) for one in chance]):7.1f}"
    )
    each = np.arange(len(samples))
    for who, scores in scorers.items():
        low, high = interval(lambda at, s=scores: apgr(s[at], gains[at]), each, resamples=resamples)
        print(
            f"{who:28}{apgr(scores, gains):6.3f}  [{low:.3f}, {high:.3f}]  {100 * calls_for(0.5, scores, gains):6.1f}"
            f"{100 * calls_for(0.8, scores, gains):7.1f}   {within(scores, gains, by_length(lengths, 20)):.3f}"
            f"{rank_correlation(scores, lengths):24.2f}"
        )
        if name == "MMLU" and who != "length":
            low, high = interval(lambda at, s=scores: apgr(s[at], gains[at]), groups, resamples=resamples // 2)
            inside = within(scores, gains, groups)
            print(f"{'':28}{'':8}[{low:.3f}, {high:.3f}] over subjects; within subjects {inside:.3f}")
    apart(name, samples, gains, lengths, {"length": lengths, "untrained": untrained, "fitted": fitted})
    weights = fit(samples, on=datetime.now(UTC).date())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "router.json")
        file.write_bytes(dump_weights(weights))
        again = load_weights(file)
        same = all(score(one.text, weights=again) == score(one.text, weights=weights) for one in samples[::50])
        print(f"file: {file.stat().st_size / 1000:.0f} kB, read back it scores {'the same' if same else 'OTHERWISE'}")


def apart(name: str, samples: Sequence[Sample], gains: Numbers, lengths: Numbers, scorers: dict[str, Numbers]) -> None:
    """Where a score might be good for a reason that will not last."""
    quarters = by_length(lengths, 4)
    for who, scores in scorers.items():
        parts = [f"{apgr(scores[quarters == n], gains[quarters == n]):.3f}" for n in range(4)]
        reverse = apgr_where_short_is_hard(scores, gains, lengths)
        pairs, count = matched_pairs(scores, gains, lengths)
        print(
            f"{who}: by quarters of length {' '.join(parts)}; of {count} pairs of one length the one with the gain is "
            f"put first {pairs:.3f}; drawn so that short ones gain {reverse:.3f}"
        )
        if name != "MMLU":
            continue
        subjects = np.array([one.group for one in samples])
        science = np.array([any(part in one for part in SCIENCE) for one in subjects])
        medicine = np.array([any(part in one for part in MEDICINE) for one in subjects]) & ~science
        kinds = {"science": science, "medicine": medicine, "others": ~science & ~medicine}
        for subject in ("moral_scenarios", "professional_law", "high_school_mathematics"):
            kinds[f"without {subject}"] = subjects != subject
        print("    " + ", ".join(f"{kind} {apgr(scores[at], gains[at]):.3f}" for kind, at in kinds.items()))


def by_tfidf(samples: Sequence[Sample], gains: Numbers, groups: Rows, folds: int) -> Numbers:
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, max_features=20_000)
    columns = words.fit_transform([one.text for one in samples])
    scores = np.zeros(len(samples))
    for seen, rest in GroupKFold(folds, shuffle=True, random_state=4).split(columns, groups=groups):
        learned = Ridge(alpha=3.0, solver="sparse_cg", tol=1e-3).fit(columns[seen], gains[seen])
        scores[rest] = learned.predict(columns[rest])
    return scores


def by_length(lengths: Numbers, parts: int) -> Rows:
    return np.searchsorted(np.quantile(lengths, np.arange(1, parts) / parts), lengths)


def within(scores: Numbers, gains: Numbers, groups: Rows) -> float:
    """APGR inside groups, weighed by their gaps; a group whose gap is negative counts against."""
    total = weight = 0.0
    for one in np.unique(groups):
        at = groups == one
        gap = float(gains[at].sum())
        if gap > 0:
            total, weight = total + gap * apgr(scores[at], gains[at]), weight + gap
        elif gap < 0:
            total, weight = total + gap * apgr(-scores[at], -gains[at]), weight + gap
    return total / weight


def matched_pairs(scores: Numbers, gains: Numbers, lengths: Numbers) -> tuple[float, int]:
    """Of pairs that differ in length by 2 % at most, one with a gain and one without: how often it is put first."""
    with_gain, without = np.flatnonzero(gains > 0), np.flatnonzero(gains <= 0)
    without = without[np.argsort(lengths[without], kind="stable")]
    first = count = 0.0
    for one in with_gain:
        at = sum(int(np.searchsorted(lengths[without], lengths[one], side)) for side in ("left", "right")) // 2
        near = without[max(at - 5, 0) : at + 5]
        near = near[np.abs(lengths[near] - lengths[one]) <= max(3.0, 0.02 * lengths[one])]
        first += float(np.sum(scores[one] > scores[near]) + 0.5 * np.sum(scores[one] == scores[near]))
        count += len(near)
    return first / count, int(count)


def apgr_where_short_is_hard(scores: Numbers, gains: Numbers, lengths: Numbers) -> float:
    """APGR over draws that keep gains more likely the shorter, and the others more likely the longer a prompt is."""
    ranks = np.argsort(np.argsort(lengths, kind="stable")) / len(lengths)
    keep = np.where(gains > 0, 1 - ranks, np.where(gains < 0, ranks, 0.2 + 0.8 * ranks))
    made = np.random.default_rng(4)
    drawn = [np.flatnonzero(made.random(len(gains)) < keep) for _ in range(10)]
    return float(np.mean([apgr(scores[at], gains[at]) for at in drawn]))


def rank_correlation(one: Numbers, other: Numbers) -> float:
    first, second = (np.unique(values, return_inverse=True)[1] for values in (one, other))
    places = [np.argsort(np.argsort(values, kind="stable")) for values in (first, second)]
    return float(np.corrcoef(places)[0, 1])


if __name__ == "__main__":
    main()
