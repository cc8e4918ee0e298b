"""Models as users write them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class AttentionClassifier(nn.Module):
    """The article's own code: a vector is one position."""

    def __init__(self, input_size=7, hidden_size=5, num_classes=3):
        super().__init__()
        self.fc = nn.Linear(input_size, hidden_size)
        self.attention = nn.Linear(hidden_size, 1)
        self.classifier = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        x = self.fc(x)
        attention_scores = self.attention(x)
        attention_weights = F.softmax(attention_scores, dim=1)
        attended_x = torch.bmm(attention_weights.unsqueeze(2), x.unsqueeze(1)).squeeze(1)
        return self.classifier(attended_x)


class Positions(AttentionClassifier):
    """The same over positions."""

    def forward(self, x):
        x = self.fc(x)
        attention_weights = F.softmax(self.attention(x), dim=1)
        return self.classifier(torch.bmm(attention_weights.transpose(1, 2), x).squeeze(1))


class WithEinsum(AttentionClassifier):
    """The same arithmetic in another order."""

    def forward(self, x):
        h = torch.einsum("bnd,hd->bnh", x, self.fc.weight) + self.fc.bias
        scores = (h * self.attention.weight[0]).flip(-1).sum(-1) + self.attention.bias
        weights = scores.exp() / scores.exp().sum(1, keepdim=True)
        return self.classifier(torch.einsum("bn,bnh->bh", weights, h))


class WithSum(AttentionClassifier):
    """Normalised after the sum."""

    def forward(self, x):
        h = self.fc(x)
        e = torch.exp(self.attention(h))
        return self.classifier((e * h).sum(1) / e.sum(1))


class WrongAxis(AttentionClassifier):
    """Softmax over the batch."""

    def forward(self, x):
        x = self.fc(x)
        attention_weights = F.softmax(self.attention(x), dim=0)
        return self.classifier(torch.bmm(attention_weights.transpose(1, 2), x).squeeze(1))


class InHalf(Positions):
    """float32 outside, bfloat16 inside."""

    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(x).float()


class SelfAttention(nn.Module):
    """Written with torch's fused attention, which multiplies in another order."""

    def __init__(self, scaled):
        super().__init__()
        self.scaled = scaled

    def forward(self, x):
        scale = None if self.scaled else 1.0
        return F.scaled_dot_product_attention(x, x, x, scale=scale)
