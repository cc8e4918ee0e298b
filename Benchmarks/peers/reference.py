"""Records a classifier: reference.py WEIGHTS REFERENCE FEATURES HIDDEN CLASSES SAMPLES POSITIONS"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))

import tensorferry
import torch


def main():
    weights, reference = sys.argv[1:3]
    features, hidden, classes, samples, positions = map(int, sys.argv[3:])
    torch.manual_seed(0)
    model = tensorferry.AttentionClassifier(input_size=features, hidden_size=hidden, num_classes=classes)
    tensorferry.save(model, weights)
    tensorferry.record(model, torch.randn(samples, positions, features), reference)


if __name__ == "__main__":
    main()
