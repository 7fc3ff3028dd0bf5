"""Writes a sentence-transformers model of a few thousand weights: `python small_model.py FOLDER`.

It has what the default model has not: one layer, the first token as the vector, nothing normalised, 32 tokens at most.
"""

import string
import sys
import tempfile
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY += [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]


def write(folder: Path) -> None:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with tempfile.TemporaryDirectory() as parts:
        (Path(parts) / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
        BertModel(config).save_pretrained(parts)
        BertTokenizerFast(str(Path(parts) / "vocab.txt")).save_pretrained(parts)
        modules = [Transformer(parts, max_seq_length=32), Pooling(32, pooling_mode="cls")]
        SentenceTransformer(modules=modules, device="cpu").save(str(folder))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
