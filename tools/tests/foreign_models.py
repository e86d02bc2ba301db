"""Small models with the tensor names of other projects, made of PyTorch's own modules.

Each has `scores(numbers)`: from the source's item numbers of a window, oldest first, to the scores of the
items that it can predict, in the order of the catalogue. They share no code with the importer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def randomise(model: nn.Module, seed: int) -> nn.Module:
    """Values of a size at which every tensor matters, padding rows included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                value.copy_(1 + 0.3 * noise)
            elif value.dim() == 1 or name.startswith("By."):
                value.copy_(0.3 * noise)
            elif "emb" in name or name.startswith(("E.", "Wy.", "GE.Wx0")):
                value.copy_(0.5 * noise)
            else:
                value.copy_(noise / value.shape[1] ** 0.5)
    return model.eval()


def causal(length: int) -> Tensor:
    return ~torch.tril(torch.ones(length, length, dtype=torch.bool))


class Pmixer(nn.Module):
    class Inner(nn.Module):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv1d(size, size, 1), nn.Conv1d(size, size, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv2(torch.relu(self.conv1(x.transpose(1, 2)))).transpose(1, 2)

    def __init__(self, variant: str, norm_first: bool, items: int, length: int, size: int, blocks: int, heads: int) -> None:
        super().__init__()
        self.variant, self.norm_first, self.length = variant, norm_first, length
        self.item_emb = nn.Embedding(items + 1, size)
        self.pos_emb = nn.Embedding(length + (variant != "A"), size)
        self.attention_layernorms = nn.ModuleList(nn.LayerNorm(size, eps=1e-8) for _ in range(blocks))
        self.attention_layers = nn.ModuleList(nn.MultiheadAttention(size, heads, batch_first=True) for _ in range(blocks))
        self.forward_layernorms = nn.ModuleList(nn.LayerNorm(size, eps=1e-8) for _ in range(blocks))
        self.forward_layers = nn.ModuleList(self.Inner(size) for _ in range(blocks))
        self.last_layernorm = nn.LayerNorm(size, eps=1e-8)

    def scores(self, numbers: list[int]) -> Tensor:
        sequence = torch.zeros(1, self.length, dtype=torch.long)
        sequence[0, self.length - len(numbers) :] = torch.tensor(numbers)
        known = (sequence != 0).unsqueeze(-1)
        x = self.item_emb(sequence) * self.item_emb.embedding_dim**0.5
        if self.variant == "A":
            x = (x + self.pos_emb(torch.arange(self.length))) * known
        else:
            x = x + self.pos_emb(torch.arange(1, self.length + 1) * (sequence != 0))
        layers = zip(self.attention_layernorms, self.attention_layers, self.forward_layernorms, self.forward_layers)
        for first, attention, second, inner in layers:
            mask = causal(self.length)
            if self.variant in "AB":
                query = first(x)
                y = second(query + attention(query, x, x, attn_mask=mask)[0])
                x = inner(y) + y
                if self.variant == "A":
                    x = x * known
            elif self.norm_first:
                y = first(x)
                x = x + attention(y, y, y, attn_mask=mask)[0]
                x = x + inner(second(x))
            else:
                x = first(x + attention(x, x, x, attn_mask=mask)[0])
                x = second(x + inner(x))
        return self.item_emb.weight[1:] @ self.last_layernorm(x)[0, -1]


class GSASRec(nn.Module):
    class Attention(nn.Module):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.query_proj, self.key_proj, self.val_proj = (nn.Linear(size, size) for _ in range(3))

    class Block(nn.Module):
        def __init__(self, size: int, heads: int) -> None:
            super().__init__()
            self.heads = heads
            self.first_norm, self.second_norm = nn.LayerNorm(size), nn.LayerNorm(size)
            self.multihead_attention = GSASRec.Attention(size)
            self.dense1, self.dense2 = nn.Linear(size, size), nn.Linear(size, size)

        def forward(self, x: Tensor, seen: Tensor) -> Tensor:
            length, query = len(x), self.first_norm(x)
            parts = self.multihead_attention
            q, k, v = (
                y.reshape(length, self.heads, -1).transpose(0, 1)
                for y in (parts.query_proj(query), parts.key_proj(x), parts.val_proj(x))
            )
            allowed = ~causal(length) & seen.T.bool()
            mixed = torch.where(allowed, q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, -torch.inf).softmax(-1).nan_to_num(0.0) @ v
            y = self.second_norm(mixed.transpose(0, 1).reshape(length, -1) + query)
            return (y + self.dense2(torch.relu(self.dense1(y)))) * seen

    def __init__(self, items: int, length: int, size: int, blocks: int, heads: int) -> None:
        super().__init__()
        self.length, self.items = length, items
        self.item_embedding, self.output_embedding = nn.Embedding(items + 2, size), nn.Embedding(items + 2, size)
        self.position_embedding = nn.Embedding(length, size)
        self.transformer_blocks = nn.ModuleList(self.Block(size, heads) for _ in range(blocks))
        self.seq_norm = nn.LayerNorm(size)

    def scores(self, numbers: list[int]) -> Tensor:
        sequence = torch.tensor([self.items + 1] * (self.length - len(numbers)) + numbers)
        seen = (sequence != self.items + 1).float().unsqueeze(-1)
        x = (self.item_embedding(sequence) + self.position_embedding.weight) * seen
        for block in self.transformer_blocks:
            x = block(x, seen)
        return self.output_embedding.weight[1:-1] @ self.seq_norm(x)[-1]


class RecBoleSASRec(nn.Module):
    class Attention(nn.Module):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.query, self.key, self.value, self.dense = (nn.Linear(size, size) for _ in range(4))
            self.LayerNorm = nn.LayerNorm(size, eps=1e-12)

    class Inner(nn.Module):
        def __init__(self, size: int, inner: int) -> None:
            super().__init__()
            self.dense_1, self.dense_2 = nn.Linear(size, inner), nn.Linear(inner, size)
            self.LayerNorm = nn.LayerNorm(size, eps=1e-12)

    class Layer(nn.Module):
        def __init__(self, size: int, inner: int) -> None:
            super().__init__()
            self.multi_head_attention = RecBoleSASRec.Attention(size)
            self.feed_forward = RecBoleSASRec.Inner(size, inner)

    class Encoder(nn.Module):
        def __init__(self, size: int, inner: int, blocks: int) -> None:
            super().__init__()
            self.layer = nn.ModuleList(RecBoleSASRec.Layer(size, inner) for _ in range(blocks))

    def __init__(self, items: int, length: int, size: int, inner: int, blocks: int, heads: int) -> None:
        super().__init__()
        self.length, self.heads = length, heads
        self.item_embedding, self.position_embedding = nn.Embedding(items + 1, size), nn.Embedding(length, size)
        self.trm_encoder = self.Encoder(size, inner, blocks)
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)

    def scores(self, numbers: list[int]) -> Tensor:
        sequence = torch.tensor(numbers + [0] * (self.length - len(numbers)))
        x = self.LayerNorm(self.item_embedding(sequence) + self.position_embedding.weight)
        mask = torch.where(causal(self.length) | (sequence == 0), -10000.0, 0.0)
        for layer in self.trm_encoder.layer:
            part = layer.multi_head_attention
            q, k, v = (
                y.reshape(self.length, self.heads, -1).transpose(0, 1) for y in (part.query(x), part.key(x), part.value(x))
            )
            mixed = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5 + mask).softmax(-1) @ v
            x = part.LayerNorm(part.dense(mixed.transpose(0, 1).reshape(self.length, -1)) + x)
            inner = layer.feed_forward
            x = inner.LayerNorm(inner.dense_2(nn.functional.gelu(inner.dense_1(x))) + x)
        return self.item_embedding.weight[1:] @ x[len(numbers) - 1]


class RecBoleGRU4Rec(nn.Module):
    def __init__(self, items: int, length: int, size: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.length = length
        self.item_embedding = nn.Embedding(items + 1, size)
        self.gru_layers = nn.GRU(size, hidden, layers, bias=False, batch_first=True)
        self.dense = nn.Linear(hidden, size)

    def scores(self, numbers: list[int]) -> Tensor:
        sequence = torch.tensor([numbers + [0] * (self.length - len(numbers))])
        states, _ = self.gru_layers(self.item_embedding(sequence))
        return self.item_embedding.weight[1:] @ self.dense(states)[0, len(numbers) - 1]


class Transformer(nn.Module):
    def __init__(self, items: int, length: int, size: int, heads: int, padding: str, columns: int | None = None,
                 norm_first: bool = False, offset: int = 1, final: bool = False) -> None:
        super().__init__()
        self.length, self.padding, self.offset, self.items = length, padding, offset, items
        self.item_embed, self.pos_embed = nn.Embedding(items + 1, size), nn.Embedding(length, size)
        self.norm = nn.LayerNorm(size)
        layer = nn.TransformerEncoderLayer(size, heads, 3 * size, 0.0, batch_first=True, norm_first=norm_first)
        last = nn.LayerNorm(size) if final else None
        self.transformer = nn.TransformerEncoder(layer, 2, norm=last, enable_nested_tensor=False)
        self.output_proj = nn.Linear(size, items if columns is None else columns)

    def scores(self, numbers: list[int]) -> Tensor:
        empty = [0] * (self.length - len(numbers))
        sequence = torch.tensor([numbers + empty if self.padding == "right" else empty + numbers])
        positions = self.pos_embed.weight * ((sequence[0] != 0).unsqueeze(-1) if self.padding == "left-attended" else 1)
        x = self.norm(self.item_embed(sequence) + positions)
        mask = torch.where(causal(self.length), -1e9, 0.0)
        hidden = torch.where(sequence == 0, -1e9, 0.0) if self.padding == "left-masked" else None
        x = self.transformer(x, mask=mask, src_key_padding_mask=hidden)
        last = len(numbers) - 1 if self.padding == "right" else -1
        columns = self.output_proj(x[0, last])
        return columns[1 - self.offset :]


class LSTM(nn.Module):
    def __init__(self, items: int, size: int, hidden: int, layers: int, padding: str, length: int, tied: bool = False) -> None:
        super().__init__()
        self.padding, self.length, self.tied = padding, length, tied
        self.embedding = nn.Embedding(items + 1, size)
        self.rnn = nn.LSTM(size, hidden, layers, batch_first=True)
        if not tied:
            self.head = nn.Linear(hidden, items + 1)

    def scores(self, numbers: list[int]) -> Tensor:
        empty = [0] * (self.length - len(numbers))
        steps = {"left-attended": empty + numbers, "right": numbers + empty}.get(self.padding, numbers)
        states, _ = self.rnn(self.embedding(torch.tensor([steps])))
        last = states[0, len(numbers) - 1 if self.padding == "right" else -1]
        if self.tied:
            return self.embedding.weight[1:] @ last
        first = 0 if self.padding == "none" else 1
        return self.head(last)[first:]


class GRU4RecModel(nn.Module):
    """The official GRU4Rec: `kind` is constrained, separate or one-hot."""

    class OneHot(nn.Module):
        def __init__(self, items: int, hidden: int, is_first_version: bool) -> None:
            super().__init__()
            self.Wx0 = nn.Embedding(items, 3 * hidden)
            if not is_first_version:
                self.Wrz0 = nn.Parameter(torch.empty(hidden, 2 * hidden))
            self.Wh0 = nn.Parameter(torch.empty(hidden, 3 * hidden if is_first_version else hidden))
            self.Bh0 = nn.Parameter(torch.empty(3 * hidden))

        def forward(self, item: Tensor, h: Tensor) -> Tensor:
            size = h.shape[1]
            gates = self.Wx0(item) + self.Bh0
            a_n, a_r, a_z = gates[:, :size], gates[:, size : 2 * size], gates[:, 2 * size :]
            if hasattr(self, "Wrz0"):
                recurrent = h @ self.Wrz0
                r, z = torch.sigmoid(a_r + recurrent[:, :size]), torch.sigmoid(a_z + recurrent[:, size:])
                n = torch.tanh(a_n + (r * h) @ self.Wh0)
            else:
                recurrent = h @ self.Wh0
                r = torch.sigmoid(a_r + recurrent[:, size : 2 * size])
                z = torch.sigmoid(a_z + recurrent[:, 2 * size :])
                n = torch.tanh(a_n + r * recurrent[:, :size])
            return h + z * (n - h)

    def __init__(self, kind: str, items: int, layers: list[int], embedding: int = 0) -> None:
        super().__init__()
        self.kind, self.layers = kind, layers
        inputs = {"constrained": layers[-1], "separate": embedding}.get(kind, layers[0])
        if kind == "separate":
            self.E = nn.Embedding(items, embedding)
        if kind.startswith("one-hot"):
            self.GE = self.OneHot(items, layers[0], kind == "one-hot-first")
        sizes = layers[1:] if kind.startswith("one-hot") else layers
        self.G = nn.ModuleList(nn.GRUCell(i, o) for i, o in zip([inputs, *sizes], sizes))
        self.Wy, self.By = nn.Embedding(items, layers[-1]), nn.Embedding(items, 1)

    def scores(self, numbers: list[int]) -> Tensor:
        first = torch.zeros(1, self.layers[0])
        states = [torch.zeros(1, cell.hidden_size) for cell in self.G]
        for number in numbers:
            item = torch.tensor([number])
            if self.kind.startswith("one-hot"):
                x = first = self.GE(item, first)
            else:
                x = (self.E if self.kind == "separate" else self.Wy)(item)
            for i, cell in enumerate(self.G):
                x = states[i] = cell(x, states[i])
        return (x @ self.Wy.weight.T + self.By.weight.T)[0]
