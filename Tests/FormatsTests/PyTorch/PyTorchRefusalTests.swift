import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// PK45: what only PyTorch's own code could read is refused by name, never dropped.
@Suite struct PyTorchRefusalTests {
  private static let cases: [(name: String, kind: String, code: String)] = [
    ("COO", "sparse tensor", "torch.eye(3).to_sparse()"),
    ("CSR", "sparse tensor", "torch.eye(3).to_sparse_csr()"),
    ("quantised", "quantised tensor", "torch.quantize_per_tensor(torch.randn(3), 0.1, 0, torch.qint8)"),
    (
      "quantised by channel", "quantised tensor",
      "torch.quantize_per_channel(torch.randn(2, 3), torch.ones(2), torch.zeros(2), 0, torch.qint8)"
    ),
    ("meta", "meta tensor", "torch.empty(2, 3, device='meta')"),
    ("nested", "nested tensor", "torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])"),
    ("subclass", "tensor subclass", "torch.ones(2).as_subclass(Sub)"),
    ("storage", "storage", "torch.ones(2).untyped_storage()"),
    ("typed storage", "storage", "torch.ones(2).storage()"),
    ("complex32", "tensor", "torch.ones(2, dtype=torch.complex32)"),
    ("pickled tensor", "object", "Pickled(torch.ones(2).storage())"),
    ("module", "object", "torch.nn.Linear(3, 2)"),
    ("set of tensors", "set", "{torch.ones(2)}"),
    ("key", "key", "{(1, 2): torch.ones(2)}"),
  ]

  private static let others = Result {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "weights.pt")
      let entries = cases.map { "'\($0.name)': \($0.code)" }.joined(separator: ", ")
      try python(
        """
        import sys, types, warnings
        import torch
        warnings.simplefilter("ignore")
        class Sub(torch.Tensor): pass
        class Pickled:
            def __init__(self, storage): self.storage = storage
            def __reduce__(self): return self.storage.__reduce__()
        module = types.ModuleType("subs"); module.Sub = Sub; Sub.__module__ = "subs"; sys.modules["subs"] = module
        torch.save({"w": torch.ones(2, 3), \(entries)}, sys.argv[1])
        """, [url.path])
      let state = try StateDict(contentsOf: url)
      #expect(state.names == ["w"])
      return state.others
    }
  }

  @Test("PK45 a tensor of a kind that is not read is refused by name", arguments: cases.map(\.name))
  func refused(name: String) throws {
    let expected = try #require(Self.cases.first { $0.name == name })
    let found = try Self.others.get().filter { $0.name == name || $0.name.hasPrefix(name + ".") }
    #expect(found.map(\.kind) == [expected.kind])
    #expect(found.first?.isRefused == true)
  }
}
