"""Trains the attention classifier on scikit-learn's handwritten digits for the tests.

    generate.py [OUT]     OUT is this folder if left out

`vector/`: the model as the article prints it, on single images of 64 pixels.
`positions/`: the same over five positions. A bag holds five images; its label is the digit of the
image with the most ink, so that the model must attend to be right.

Each folder gets `weights.h5` as a user's own script would write it, the same as `checkpoint.pt`,
`reference.h5` by `tensorferry.record`, and the held-out split `test.h5` with what PyTorch makes of
it in `expected.json`.
"""

from __future__ import annotations

import os

# One set of instructions and one thread: the same bits on every x86-64 processor.
os.environ.update(ATEN_CPU_CAPABILITY="default", MKL_CBWR="COMPATIBLE")

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Python"))

import tensorferry

SEED = 20240607
BAG = 5
INK_MARGIN = 2.5  # how much more ink the winner has than the next, where a full pixel is 1


class AttentionClassifier(nn.Module):
    def __init__(self, input_dim, hidden_dim, num_classes):
        super().__init__()
        self.fc = nn.Linear(input_dim, hidden_dim)
        self.attention = nn.Linear(hidden_dim, 1)
        self.classifier = nn.Linear(hidden_dim, num_classes)

    def forward(self, x):
        x = self.fc(x)
        attention_scores = self.attention(x)
        attention_weights = F.softmax(attention_scores, dim=1)
        attended_x = torch.bmm(attention_weights.unsqueeze(2), x.unsqueeze(1)).squeeze(1)
        output = self.classifier(attended_x)
        return output


class PositionsAttentionClassifier(AttentionClassifier):
    def forward(self, x):
        x = self.fc(x)
        attention_scores = self.attention(x)
        attention_weights = F.softmax(attention_scores, dim=1)
        attended_x = torch.bmm(attention_weights.transpose(1, 2), x).squeeze(1)
        output = self.classifier(attended_x)
        return output


def bags_of(images, digits, count, rng):
    """`[count, BAG, 64]` and the digit of the image with the most ink in each bag."""
    bags, labels = [], []
    while len(bags) < count:
        chosen = rng.choice(len(images), BAG, replace=False)
        ink = images[chosen].sum(axis=1)
        second, first = np.sort(ink)[-2:]
        if first - second >= INK_MARGIN:
            bags.append(images[chosen])
            labels.append(digits[chosen[ink.argmax()]])
    return np.stack(bags), np.array(labels)


def train(model, x, labels, epochs, rate):
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    shuffle = torch.Generator().manual_seed(SEED)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=shuffle).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[batch]), labels[batch]).backward()
            optimizer.step()
        schedule.step()
    model.eval()


def expected(model, x, labels):
    """What PyTorch predicts on the held-out split, and how near its closest call is to a tie."""
    with torch.no_grad():
        logits = model(x)
        best = logits.topk(2, dim=1).values
        classes = logits.argmax(dim=1)
    correct = int((classes == labels).sum())
    return {
        "classes": classes.tolist(),
        "correct": correct,
        "total": len(labels),
        "accuracy": correct / len(labels),
        "smallest_margin": float((best[:, 0] - best[:, 1]).min()),
    }


def without_attention(model, x, labels):
    """How many would be right if every position weighed the same."""
    with torch.no_grad():
        return int((model.classifier(model.fc(x).mean(1)).argmax(1) == labels).sum())


def write(folder, model, x, labels, cases, more):
    folder.mkdir(parents=True, exist_ok=True)
    state_dict = model.state_dict()

    with h5py.File(folder / "weights.h5", "w") as f:
        for k, v in state_dict.items():
            f.create_dataset(k, data=v.numpy())

    torch.save(state_dict, folder / "checkpoint.pt")
    reference = folder / "reference.h5"
    tensorferry.record(model, [x[rows] for rows in cases], reference, seed=SEED, probes=False)
    report = {**expected(model, x, labels), **more}
    with h5py.File(folder / "test.h5", "w") as f:
        f.create_dataset("x", data=x.numpy())
        f.create_dataset("labels", data=labels.numpy())
        f.create_dataset("predicted", data=report["classes"])
    (folder / "expected.json").write_text(json.dumps(report) + "\n")
    print(f"{folder.name}: {report['correct']}/{report['total']} right, {more}")


def main(out):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(SEED)
    digits = load_digits()
    images = (digits.data / 16).astype(np.float32)
    order = rng.permutation(len(images))
    train_rows, test_rows = order[:1397], order[1397:]

    torch.manual_seed(SEED)
    model = AttentionClassifier(64, 32, 10)
    x, labels = torch.from_numpy(images), torch.from_numpy(digits.target)
    train(model, x[train_rows], labels[train_rows], epochs=40, rate=5e-3)
    cases = [slice(0, 16), slice(16, 17), slice(17, 24)]
    write(out / "vector", model, x[test_rows], labels[test_rows], cases, {})

    torch.manual_seed(SEED)
    model = PositionsAttentionClassifier(64, 32, 10)
    bags, labels = bags_of(images[train_rows], digits.target[train_rows], 4000, rng)
    train(model, torch.from_numpy(bags), torch.from_numpy(labels), epochs=30, rate=5e-3)
    bags, labels = bags_of(images[test_rows], digits.target[test_rows], 400, rng)
    x, labels = torch.from_numpy(bags), torch.from_numpy(labels)
    cases = [slice(0, 8), slice(8, 9), slice(9, 12)]
    more = {"correct_without_attention": without_attention(model, x, labels)}
    write(out / "positions", model, x, labels, cases, more)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
