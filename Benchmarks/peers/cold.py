"""What a Python program does that loads weights and classifies one sample.

    cold.py write|run FEATURES HIDDEN CLASSES PREFIX

`write` makes PREFIX.safetensors and PREFIX-x.npy; `run` is what is measured.
"""

import sys

import torch
import torch.nn.functional as F


class AttentionClassifier(torch.nn.Module):
    def __init__(self, features, hidden, classes):
        super().__init__()
        self.fc = torch.nn.Linear(features, hidden)
        self.attention = torch.nn.Linear(hidden, 1)
        self.classifier = torch.nn.Linear(hidden, classes)

    def forward(self, x):
        h = self.fc(x)
        weights = F.softmax(self.attention(h), dim=1)
        return self.classifier(torch.bmm(weights.unsqueeze(2), h.unsqueeze(1)).squeeze(1))


def main():
    kind, sizes, prefix = sys.argv[1], [int(word) for word in sys.argv[2:5]], sys.argv[5]
    if kind == "write":
        import numpy
        from safetensors.torch import save_file

        torch.manual_seed(0)
        save_file(AttentionClassifier(*sizes).state_dict(), prefix + ".safetensors")
        numpy.save(prefix + "-x.npy", torch.randn(1, sizes[0]).numpy())
        return
    import numpy
    from safetensors.torch import load_file

    model = AttentionClassifier(*sizes).eval()
    model.load_state_dict(load_file(prefix + ".safetensors"))
    with torch.inference_mode():
        print(model(torch.from_numpy(numpy.load(prefix + "-x.npy"))).argmax(1).tolist())


if __name__ == "__main__":
    main()
