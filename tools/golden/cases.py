"""The golden models: one small `config.json` for each form that the runtime must compute."""

from __future__ import annotations

import torch

DTYPES = {"sasrec-stored-f16": torch.float16, "gru-stored-bf16": torch.bfloat16}
"""Cases whose weights are not stored as F32."""

TORCH_ENCODER = {"sasrec-transformer-encoder", "sasrec-transformer-encoder-pre"}
"""Cases that are computed by PyTorch's own `nn.TransformerEncoderLayer`."""


def sasrec(**changes: object) -> dict:
    """A small pre-LN, start-aligned, tied SASRec, with changes."""
    config = {
        "format_version": 1,
        "architecture": "sasrec",
        "item_count": 40,
        "max_length": 8,
        "output": "tied",
        "hidden_size": 16,
        "blocks": 2,
        "heads": 2,
        "ffn_size": 20,
        "norm": "pre",
        "activation": "relu",
        "layer_norm_epsilon": 1e-5,
        "positions": "start",
    }
    return config | changes


def recurrent(architecture: str, **changes: object) -> dict:
    """A small recurrent model with untied output, with changes."""
    config = {
        "format_version": 1,
        "architecture": architecture,
        "item_count": 40,
        "max_length": 7,
        "output": "untied",
        "layer_sizes": [16],
        "input": "embedding",
    }
    return config | changes


def left_padded(**changes: object) -> dict:
    """A SASRec whose newest item has the last slot, as in left-padded training."""
    return sasrec(positions="end", final_norm=True, max_length=9, **changes)


SASREC: dict[str, dict] = {
    "sasrec-start-pre": sasrec(final_norm=True),
    "sasrec-start-pre-gelu-scaled": sasrec(
        final_norm=True, scale_embedding=True, blocks=1, activation="gelu", max_length=7
    ),
    "sasrec-recbole": sasrec(
        norm="post", activation="gelu", embedding_norm=True, layer_norm_epsilon=1e-12, ffn_size=32, max_length=9
    ),
    "sasrec-gsasrec": left_padded(norm="query", attention_output=False, output="untied", ffn_size=16),
    "sasrec-pmixer-a": left_padded(
        norm="query", padding="attended-zeroed", scale_embedding=True, layer_norm_epsilon=1e-8, ffn_size=16
    ),
    "sasrec-pmixer-b": left_padded(
        norm="query", padding="attended", scale_embedding=True, layer_norm_epsilon=1e-8, ffn_size=16
    ),
    "sasrec-pmixer-c": left_padded(
        norm="post", padding="attended", scale_embedding=True, layer_norm_epsilon=1e-8, ffn_size=16
    ),
    "sasrec-pmixer-c-pre": left_padded(
        norm="pre", blocks=1, padding="attended", scale_embedding=True, layer_norm_epsilon=1e-8, ffn_size=16
    ),
    "sasrec-attended-embedding-norm": left_padded(norm="post", blocks=1, padding="attended", embedding_norm=True),
    "sasrec-zeroed-no-positions": sasrec(
        positions="none", padding="attended-zeroed", embedding_norm=True, max_length=6
    ),
    "sasrec-rotary": sasrec(
        positions="rotary", heads=4, output="untied", item_bias=True, final_norm=True, max_length=10
    ),
    "sasrec-rotary-base": sasrec(positions="rotary", rotary_base=500, heads=1, norm="post", blocks=1, item_bias=True),
    "sasrec-no-positions": sasrec(positions="none", final_norm=True, max_length=10),
    "sasrec-transformer-encoder": sasrec(
        norm="post", ffn_size=64, output="untied", item_bias=True, embedding_norm=True, max_length=10
    ),
    "sasrec-transformer-encoder-pre": sasrec(blocks=1, activation="gelu", output="untied", final_norm=True),
    "sasrec-8-heads-8-blocks": sasrec(blocks=8, heads=8, ffn_size=4, final_norm=True, max_length=6),
    "sasrec-3-heads-of-8": sasrec(hidden_size=24, heads=3, blocks=1, final_norm=True, item_count=53),
    "sasrec-5-heads-of-4": sasrec(
        hidden_size=20, heads=5, ffn_size=23, norm="query", blocks=1, final_norm=True, item_count=47
    ),
    "sasrec-no-biases": sasrec(attention_bias=False, ffn_bias=False, final_norm=True, max_length=6),
    "sasrec-bare-attention": sasrec(attention_output=False, norm="post", blocks=1, heads=1),
    "sasrec-short-window": sasrec(max_length=2, blocks=1, final_norm=True),
    "sasrec-stored-f16": sasrec(final_norm=True, item_bias=True),
}

RECURRENT: dict[str, dict] = {
    "gru-tied": recurrent("gru", embedding_size=16, output="tied"),
    "gru-3-layers-projection": recurrent(
        "gru", layer_sizes=[15, 9, 12], embedding_size=11, projection_size=13, item_bias=True, max_length=8
    ),
    "gru-one-hot": recurrent("gru", input="one-hot", layer_sizes=[12], item_bias=True, max_length=10),
    "gru-official-one-hot": recurrent("gru", input="one-hot", gates="gru4rec", layer_sizes=[13, 9], item_bias=True),
    "gru-official-embedding": recurrent("gru", gates="gru4rec", embedding_size=12, bias=False),
    "gru-recbole": recurrent(
        "gru", layer_sizes=[18], embedding_size=16, bias=False, projection_size=16, output="tied", max_length=9
    ),
    "gru-projection-no-bias": recurrent("gru", embedding_size=10, projection_size=12, projection_bias=False),
    "gru-padding-prefix": recurrent("gru", embedding_size=15, padding="recurrent-prefix", max_length=8),
    "gru-one-hot-padding-prefix": recurrent(
        "gru", input="one-hot", gates="gru4rec", layer_sizes=[10], padding="recurrent-prefix", item_bias=True
    ),
    "gru-stored-bf16": recurrent("gru", embedding_size=16, output="tied", item_bias=True),
    "lstm-keras": recurrent("lstm", layer_sizes=[17], embedding_size=13, item_bias=True, max_length=10),
    "lstm-2-layers": recurrent("lstm", layer_sizes=[16, 12], embedding_size=12, output="tied", max_length=6),
    "lstm-one-hot-no-bias": recurrent("lstm", input="one-hot", layer_sizes=[9], bias=False, projection_size=11),
    "lstm-padding-prefix": recurrent("lstm", layer_sizes=[12, 10], embedding_size=11, padding="recurrent-prefix"),
}

CASES: dict[str, dict] = SASREC | RECURRENT
