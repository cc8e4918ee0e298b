"""The models as plain modules, for those who have a checkpoint and not the code that made it."""

from __future__ import annotations

import math
from typing import Mapping

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
