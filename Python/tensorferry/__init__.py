"""Saves PyTorch weights and reference outputs for TensorFerry.

`save` writes the weights of a model, `record` what the model computed, stage by stage.
"""

from .errors import Disagreement, Refused
from .modules import (
    AttentionClassifier,
    MultiheadAttention,
    SelfAttention,
    TransformerClassifier,
)
from .recording import record
from .saving import save
from .version import VERSION as __version__

__all__ = [
    "AttentionClassifier",
    "Disagreement",
    "MultiheadAttention",
    "Refused",
    "SelfAttention",
    "TransformerClassifier",
    "__version__",
    "record",
    "save",
]
