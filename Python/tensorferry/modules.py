"""The models as plain modules, for those who have a checkpoint and not the code that made it."""

from __future__ import annotations

import math
import re
from typing import Any, Mapping, Optional

import torch
from torch import Tensor, nn


class AttentionClassifier(nn.Module):
    """Projects features, attends over positions and classifies the attended vector.

    `x [B, input_size]` or `[B, N, input_size]`, float32 -> logits `[B, num_classes]`.
    A vector is one position, so that its attention weight is 1.
    """

    def __init__(self, input_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(input_size, hidden_size)
        self.attention = nn.Linear(hidden_size, 1)
        self.classifier = nn.Linear(hidden_size, num_classes)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Tensor]) -> AttentionClassifier:
        """A model with the parameters of `state`, whose shapes give the sizes."""
        hidden_size, input_size = state["fc.weight"].shape
        model = cls(input_size, hidden_size, state["classifier.weight"].shape[0])
        model.load_state_dict(state)
        return model

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        attention_scores = self.attention(x)
        attention_weights = torch.softmax(attention_scores, dim=1)
        if x.dim() == 2:
            attended_x = torch.bmm(attention_weights.unsqueeze(2), x.unsqueeze(1)).squeeze(1)
        else:
            attended_x = torch.bmm(attention_weights.transpose(1, 2), x).squeeze(1)
        return self.classifier(attended_x)


class SelfAttention(nn.Module):
    """Every position's average of all positions, weighted by the softmax of their dot products.

    `x [B, N, D]`, float32 -> `[B, N, D]`. With `scaled`, dot products are divided by sqrt(D). No
    parameters.
    """

    def __init__(self, scaled: bool = True) -> None:
        super().__init__()
        self.scaled = scaled

    def forward(self, x: Tensor) -> Tensor:
        attention_scores = torch.bmm(x, x.transpose(1, 2))
        if self.scaled:
            attention_scores = attention_scores / math.sqrt(x.shape[2])
        attention_weights = torch.softmax(attention_scores, dim=2)
        return torch.bmm(attention_weights, x)


class MultiheadAttention(nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention` with `batch_first=True`, and from a state dict.

    `query [B, L, E]`, `key [B, S, kdim]`, `value [B, S, vdim]`, float32, and perhaps
    `key_padding_mask [B, S]`, bool, true for keys that are ignored -> the attended values
    `[B, L, E]` and the weights, averaged over heads, `[B, L, S]`.
    """

    def __init__(self, embed_dim: int, num_heads: int, **options: Any) -> None:
        super().__init__(embed_dim, num_heads, batch_first=True, **options)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Tensor], num_heads: int) -> MultiheadAttention:
        """A module with the parameters of `state`, which give all but the number of heads."""
        sizes = {}
        if "k_proj_weight" in state:
            sizes = {f"{name}dim": state[f"{name}_proj_weight"].shape[1] for name in "kv"}
        size = state["out_proj.weight"].shape[0]
        model = cls(size, num_heads, bias="in_proj_bias" in state, **sizes)
        model.load_state_dict(state)
        return model


class TransformerClassifier(nn.Module):
    """An encoder, attention over the positions of its result, and a classifier.

    `x [B, N, model_size]`, float32, and perhaps `padding_mask [B, N]`, bool, true for positions
    that are ignored -> logits `[B, num_classes]`.
    """

    def __init__(
        self,
        model_size: int,
        num_heads: int,
        feedforward_size: int,
        num_layers: int,
        num_classes: int,
        *,
        activation: str = "relu",
        norm_first: bool = False,
        final_norm: bool = False,
        layer_norm_eps: float = 1e-5,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            model_size,
            num_heads,
            feedforward_size,
            dropout,
            activation,
            layer_norm_eps,
            batch_first=True,
            norm_first=norm_first,
        )
        norm = nn.LayerNorm(model_size, layer_norm_eps) if final_norm else None
        # Nested tensors are a way to skip padding, of which torch warns that it is a prototype.
        self.encoder = nn.TransformerEncoder(layer, num_layers, norm, enable_nested_tensor=False)
        self.attention = nn.Linear(model_size, 1)
        self.classifier = nn.Linear(model_size, num_classes)

    @classmethod
    def from_state_dict(
        cls, state: Mapping[str, Tensor], num_heads: int, **options: Any
    ) -> TransformerClassifier:
        """A model with the parameters of `state`, whose names and shapes give the sizes.

        They do not tell the number of heads, nor `activation`, `norm_first` and `layer_norm_eps`.
        """
        layers = {re.match(r"encoder\.layers\.(\d+)\.", name) for name in state} - {None}
        num_classes, model_size = state["classifier.weight"].shape
        model = cls(
            model_size,
            num_heads,
            state["encoder.layers.0.linear1.weight"].shape[0],
            len({match.group(1) for match in layers}),
            num_classes,
            final_norm="encoder.norm.weight" in state,
            **options,
        )
        model.load_state_dict(state)
        return model

    def forward(self, x: Tensor, padding_mask: Optional[Tensor] = None) -> Tensor:
        x = self.encoder(x, src_key_padding_mask=padding_mask)
        attention_scores = self.attention(x)
        if padding_mask is not None:
            attention_scores = attention_scores.masked_fill(padding_mask.unsqueeze(2), -math.inf)
        attention_weights = torch.softmax(attention_scores, dim=1)
        attended_x = torch.bmm(attention_weights.transpose(1, 2), x).squeeze(1)
        return self.classifier(attended_x)
