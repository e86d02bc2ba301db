"""A SASRec model directory as an ONNX graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

OPSET = 17


class Graph:
    """Nodes and constants in the order in which they were added."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.constants: list = []

    def constant(self, value: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operation: str, *inputs: str, outputs: int = 1, **attributes) -> str | list[str]:
        names = [f"v{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operation, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        return self.add("Add", self.add("MatMul", x, self.constant(weight.T)), self.constant(bias))

    def norm(self, x: str, weights: dict, name: str, epsilon: float) -> str:
        scale, bias = (self.constant(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)


SUPPORTED = {
    "architecture": "sasrec",
    "output": "tied",
    "heads": 1,
    "norm": "pre",
    "activation": "relu",
    "final_norm": True,
    "positions": "start",
}


def attention(graph: Graph, x: str, mask: str, weights: dict, name: str, size: int) -> str:
    """Causal attention of one head. Queries, keys and values come from one product."""
    parts = ("query", "key", "value")
    weight = np.concatenate([weights[f"{name}.{part}.weight"] for part in parts])
    bias = np.concatenate([weights[f"{name}.{part}.bias"] for part in parts])
    # The scale of the scores goes into the queries.
    weight[:size] /= np.sqrt(size)
    bias[:size] /= np.sqrt(size)
    query, key, value = graph.add("Split", graph.linear(x, weight, bias), outputs=3, axis=-1)
    scores = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 2, 1]))
    shares = graph.add("Softmax", graph.add("Add", scores, mask), axis=-1)
    mixed = graph.add("MatMul", shares, value)
    return graph.linear(mixed, weights[f"{name}.output.weight"], weights[f"{name}.output.bias"])


def build(directory: Path, top_k: int) -> tuple[bytes, list[str], int]:
    """The model, its items and its maximum length.

    Inputs: `rows` [sessions, longest] padded on the right, `last` [sessions], where each session's newest row stands in the flattened
    rows. Outputs: `scores` and `best` [sessions, top_k], best first.
    """
    config = json.loads((directory / "config.json").read_text())
    for key, value in SUPPORTED.items():
        if config.get(key) != value:
            raise SystemExit(f"{directory}: this worker serves {key} {value!r}, not {config.get(key)!r}")
    weights = load_file(directory / "model.safetensors")
    size, length, epsilon = config["hidden_size"], config["max_length"], config["layer_norm_epsilon"]

    graph = Graph()
    embedding = graph.constant(weights["item_embedding.weight"])
    zero, one = graph.constant(np.array([0])), graph.constant(np.array([1]))
    longest = graph.add("Slice", graph.add("Shape", "rows"), one, graph.constant(np.array([2])))
    positions = graph.add("Slice", graph.constant(weights["position_embedding.weight"]), zero, longest, zero)
    mask = graph.constant(np.triu(np.full((length, length), -1e9, np.float32), 1))
    ends = graph.add("Concat", longest, longest, axis=0)
    mask = graph.add("Slice", mask, graph.constant(np.array([0, 0])), ends, graph.constant(np.array([0, 1])))
    x = graph.add("Add", graph.add("Gather", embedding, "rows"), positions)
    for block in range(config["blocks"]):
        name = f"blocks.{block}"
        normed = graph.norm(x, weights, f"{name}.attention_norm", epsilon)
        x = graph.add("Add", x, attention(graph, normed, mask, weights, f"{name}.attention", size))
        inner = graph.linear(
            graph.norm(x, weights, f"{name}.ffn_norm", epsilon),
            weights[f"{name}.ffn.in.weight"],
            weights[f"{name}.ffn.in.bias"],
        )
        inner = graph.add("Relu", inner)
        x = graph.add(
            "Add", x, graph.linear(inner, weights[f"{name}.ffn.out.weight"], weights[f"{name}.ffn.out.bias"])
        )
    newest = graph.add("Gather", graph.add("Reshape", x, graph.constant(np.array([-1, size]))), "last")
    hidden = graph.norm(newest, weights, "final_norm", epsilon)
    scores = graph.add("MatMul", hidden, graph.constant(weights["item_embedding.weight"].T))
    graph.nodes.append(
        helper.make_node("TopK", [scores, graph.constant(np.array([top_k]))], ["scores", "best"], sorted=1)
    )
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "sasrec",
            [
                helper.make_tensor_value_info("rows", TensorProto.INT64, ["sessions", "longest"]),
                helper.make_tensor_value_info("last", TensorProto.INT64, ["sessions"]),
            ],
            [
                helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["sessions", top_k]),
                helper.make_tensor_value_info("best", TensorProto.INT64, ["sessions", top_k]),
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    items = (directory / "items.txt").read_text(encoding="utf-8").splitlines()
    return model.SerializeToString(), items, length
