"""A loaded sentence-transformers model to one ONNX graph: traced, simplified, quantized, and held against the model.

Used by export.py alone, in its own process. The libraries have no types and may be missing, hence import_module.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

# The Attention and Gelu operators came with opset 23 and 20; older ones spell them out in 30 nodes a layer.
_OPSET = 23
# 8-bit weights in blocks of 64 with a scale and a zero point each, activations quantized by row and block as they come.
# Unlike int8 with one scale a tensor (cosine .98 to .994) this keeps the vector, at half of fp32's time on short texts.
_BLOCK = 64
_LEAST_COSINE_QUANTIZED = 0.999
_LEAST_COSINE = 0.9999

# What the export is checked with: prose, code, digits, another script, and one text past the longest input.
_SAMPLES = (
    "retry the flaky integration test with a longer timeout",
    "Fix NullPointerException in RMAppImpl when the AttemptId is missing",
    "def connect(self, *, timeout_s: float = 30.0) -> None: raise ConnectionError('refused')",
    "Migration 0042 adds a column with a default; the table was locked for 90 seconds.",
    "Größere Änderung: données périmées, 競合状態を修正",
    "queue worker lease " * 300,
)


class GraphDiffersError(Exception):
    """The graph does not give the model's vectors."""


def write_graph(loaded: Any, tokenizer: Any, inputs: list[str], longest: int, prefix: str, target: Path) -> str:
    """Write the model to `target`, quantized if its vectors stay what they are, else exact; returns the precision.

    `inputs`: what the model's tokenizer gives it. Raises GraphDiffersError if even the exact form differs.
    """
    onnx: Any = import_module("onnx")
    exact, quantized = target.with_name("exact.onnx"), target.with_name("quantized.onnx")
    wanted = loaded.encode([prefix + text for text in _SAMPLES], normalize_embeddings=True, show_progress_bar=False)
    tokenizer.enable_truncation(longest)
    ids = [tokenizer.encode(prefix + text).ids for text in _SAMPLES]

    _trace(loaded, inputs, longest, exact)
    graph = onnx.load(exact)
    if _heads_in_place(onnx, graph.graph):
        onnx.save(graph, exact)
    if _least_cosine(exact, ids, wanted) < _LEAST_COSINE:
        raise GraphDiffersError
    precision = "fp32"
    try:
        _quantize(graph, quantized)
        if _least_cosine(quantized, ids, wanted) >= _LEAST_COSINE_QUANTIZED:
            precision = f"int8-block{_BLOCK}"
    except Exception as error:  # an architecture the quantizer does not know is served exactly, only slower
        sys.stderr.write(f"not quantized: {error}\n")
    (exact if precision == "fp32" else quantized).replace(target)
    for left in (exact, quantized):
        left.unlink(missing_ok=True)
    return precision


def _trace(loaded: Any, inputs: list[str], longest: int, target: Path) -> None:
    torch: Any = import_module("torch")

    class OneText(torch.nn.Module):
        """Token ids of one text in, its vector out: alone it needs no padding, and no neighbour can change it."""

        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self.pipeline = loaded

        def forward(self, input_ids: Any) -> Any:
            given = {
                "input_ids": input_ids,
                "attention_mask": torch.ones_like(input_ids),
                "token_type_ids": torch.zeros_like(input_ids),
            }
            features = {name: given[name] for name in inputs}
            for module in self.pipeline:
                features = module(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=-1)

    example = torch.tensor([loaded.preprocess([_SAMPLES[0]])["input_ids"][0].tolist()])
    program = torch.onnx.export(
        OneText().eval(),
        (example,),
        dynamo=True,
        opset_version=_OPSET,
        input_names=["input_ids"],
        output_names=["sentence_vector"],
        dynamic_shapes={"input_ids": {1: torch.export.Dim("tokens", min=2, max=longest)}},
        verbose=False,
    )
    if program is None:
        raise GraphDiffersError
    program.save(str(target), external_data=False)


def _heads_in_place(onnx: Any, graph: Any) -> int:
    """Let Attention take and give (batch, tokens, heads x size) as it stands; returns in how many places.

    The exporter splits the heads by a Reshape and a Transpose before each input and joins them after it. The operator
    does that itself if it is told how many there are, which saves a tenth of a short text's time.
    """
    makers = {name: node for node in graph.node for name in node.output}
    takers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    shapes = {tensor.name: tensor for tensor in graph.initializer}

    def only_taker(node: Any, kind: str) -> Any:
        found = takers.get(node.output[0], [])
        return found[0] if len(found) == 1 and found[0].op_type == kind else None

    changed = 0
    for attention in [node for node in graph.node if node.op_type == "Attention"]:
        turned = [makers.get(name) for name in attention.input[:3]]
        split = [makers.get(node.input[0]) if node and node.op_type == "Transpose" else None for node in turned]
        back = only_taker(attention, "Transpose")
        joined = only_taker(back, "Reshape") if back else None
        if joined is None or not all(
            node and node.op_type == "Reshape" and node.input[1] in shapes and only_taker(node, "Transpose") is t
            for node, t in zip(split, turned, strict=True)
        ):
            continue
        heads = [int(onnx.numpy_helper.to_array(shapes[node.input[1]])[-2]) for node in split if node]
        for place, node in enumerate(split):
            attention.input[place] = node.input[0] if node else ""
        attention.output[0] = joined.output[0]
        attention.attribute.extend(
            onnx.helper.make_attribute(name, number)
            for name, number in (("q_num_heads", heads[0]), ("kv_num_heads", heads[1]))
        )
        for node in (*turned, *split, back, joined):
            graph.node.remove(node)
        changed += 1
    return changed


def _quantize(graph: Any, target: Path) -> None:
    quantization: Any = import_module("onnxruntime.quantization.matmul_nbits_quantizer")
    quantizer = quantization.MatMulNBitsQuantizer(
        graph, bits=8, block_size=_BLOCK, is_symmetric=False, accuracy_level=4
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(target))


def _least_cosine(model: Path, ids: list[list[int]], wanted: Any) -> float:
    np: Any = import_module("numpy")
    onnxruntime: Any = import_module("onnxruntime")

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    vectors = [session.run(None, {"input_ids": np.array([row], dtype=np.int64)})[0][0] for row in ids]
    return float((np.array(vectors) * wanted).sum(axis=1).min())
