"""The classifier of the article in torch, as it is and compiled, and in onnxruntime."""

import numpy as np


def sizes(words):
    """Batch, positions, features, hidden size, classes, threads; 0 positions is the vector form."""
    return [int(word) for word in words]


def torch_model(batch, positions, features, hidden, classes, threads):
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    torch.set_num_threads(threads)

    class AttentionClassifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(features, hidden)
            self.attention = torch.nn.Linear(hidden, 1)
            self.classifier = torch.nn.Linear(hidden, classes)

        def forward(self, x):
            if positions == 0:
                # The article's literal form: one position, whose weight is 1.
                h = self.fc(x)
                weights = F.softmax(self.attention(h), dim=1)
                attended = torch.bmm(weights.unsqueeze(2), h.unsqueeze(1)).squeeze(1)
                return self.classifier(attended)
            h = self.fc(x)
            weights = F.softmax(self.attention(h), dim=1)
            attended = torch.bmm(weights.transpose(1, 2), h).squeeze(1)
            return self.classifier(attended)

    shape = (batch, positions, features) if positions else (batch, features)
    return AttentionClassifier().eval(), torch.randn(*shape)


def eager(*words):
    import torch

    model, x = torch_model(*sizes(words))

    def work():
        with torch.inference_mode():
            model(x)

    return work


def compiled(*words):
    import torch

    model, x = torch_model(*sizes(words))
    fast = torch.compile(model)
    with torch.inference_mode():
        fast(x)

    def work():
        with torch.inference_mode():
            fast(x)

    return work


def onnx_model(features, hidden, classes):
    """The same operators as torch's exporter writes for the positions form."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)

    def weight(name, *shape):
        values = random.standard_normal(shape, dtype=np.float32) / np.sqrt(shape[-1])
        return numpy_helper.from_array(values.astype(np.float32), name)

    nodes = [
        helper.make_node("MatMul", ["x", "fc.weight"], ["product"]),
        helper.make_node("Add", ["product", "fc.bias"], ["h"]),
        helper.make_node("MatMul", ["h", "attention.weight"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["weights"], axis=1),
        helper.make_node("Transpose", ["weights"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["rows", "h"], ["attended"]),
        helper.make_node("Squeeze", ["attended", "one"], ["context"]),
        helper.make_node("Gemm", ["context", "classifier.weight", "classifier.bias"], ["y"], transB=1),
    ]
    constants = [
        weight("fc.weight", features, hidden), weight("fc.bias", hidden), weight("attention.weight", hidden, 1),
        weight("classifier.weight", classes, hidden), weight("classifier.bias", classes),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "one"),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", "n", features])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", classes])],
        constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def onnx(*words):
    import onnxruntime

    batch, positions, features, hidden, classes, threads = sizes(words)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(features, hidden, classes), options, providers=["CPUExecutionProvider"]
    )
    x = np.random.default_rng(1).standard_normal((batch, positions, features), dtype=np.float32)
    return lambda: session.run(["y"], {"x": x})


WORKS = {"torch-run": eager, "torch-compile": compiled, "onnx": onnx}
