import Foundation
import TensorFerryTestSupport
import Testing

/// From PyTorch into a Swift model file and back.
@Suite struct StrictLoadingTests {
  /// A module of PyTorch, the inputs it takes, and what its shapes do not tell.
  struct Module: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let python: String
    let inputs: String
    var configuration = "{}"
  }

  static let modules: [Module] = [
    Module(
      testDescription: "AttentionClassifier", python: "tensorferry.AttentionClassifier(7, 5, 3)",
      inputs: "torch.randn(4, 9, 7),"),
    Module(
      testDescription: "MultiheadAttention, joint projections",
      python: "torch.nn.MultiheadAttention(12, 3, batch_first=True)",
      inputs: "torch.randn(2, 5, 12), torch.randn(2, 4, 12), torch.randn(2, 4, 12)",
      configuration: #"{"num_heads": 3}"#),
    Module(
      testDescription: "MultiheadAttention, separate projections without biases",
      python: "torch.nn.MultiheadAttention(12, 3, bias=False, kdim=7, vdim=5, batch_first=True)",
      inputs: "torch.randn(2, 5, 12), torch.randn(2, 4, 7), torch.randn(2, 4, 5)", configuration: #"{"num_heads": 3}"#),
    Module(
      testDescription: "TransformerClassifier",
      python: "tensorferry.TransformerClassifier(12, 3, 20, 2, 4, activation='gelu', norm_first=True, final_norm=True)",
      inputs: "torch.randn(2, 6, 12),",
      configuration: #"{"num_heads": 3, "activation": "gelu", "norm_first": true}"#),
  ]

  @Test("PyTorch loads what comes back with strict=True and computes the same bits", arguments: modules)
  func strict(_ module: Module) throws {
    try withTemporaryDirectory { directory in
      let prelude = """
        import sys, torch, tensorferry
        torch.manual_seed(31); torch.set_num_threads(1)
        module = \(module.python).eval()
        inputs = (\(module.inputs))

        """
      let path = { (name: String) in directory.appending(path: name).path }
      // Under names of its own, so that the mapping has something to undo.
      try python(
        prelude + "torch.save({'net.' + k: v for k, v in module.state_dict().items()}, sys.argv[1])",
        [path("weights.pt")])
      try Data("{mapping: tensorferry.mapping/1, rules: [{to: '{name...}', from: 'net.{name...}'}]}".utf8)
        .write(to: directory.appending(path: "map.yaml"))
      let imported = try tensorferry(
        "import", path("weights.pt"), "-o", path("model.h5"), "--map", path("map.yaml"), "--configuration",
        module.configuration)
      #expect(imported.status == 0, "\(imported.errors)")
      for ending in ["pt", "safetensors"] {
        let converted = try tensorferry("convert", path("model.h5"), path("own." + ending))
        #expect(converted.status == 0, "\(converted.errors)")
        let undone = try tensorferry("convert", path("model.h5"), path("first." + ending), "--inverse")
        #expect(undone.status == 0, "\(undone.errors)")
      }
      try python(
        prelude + """
          import safetensors.torch
          with torch.no_grad():
              expected = module(*inputs)
              loaders = {"pt": lambda p: torch.load(p, weights_only=True), "safetensors": safetensors.torch.load_file}
              for ending, load in loaders.items():
                  for name, prefix in ("own.", ""), ("first.", "net."):
                      state = load(sys.argv[1] + "/" + name + ending)
                      assert all(k.startswith(prefix) for k in state), list(state)
                      torch.manual_seed(1)
                      other = \(module.python).eval()
                      other.load_state_dict({k[len(prefix):]: v for k, v in state.items()}, strict=True)
                      found = other(*inputs)
                      pairs = zip(expected, found) if isinstance(found, tuple) else [(expected, found)]
                      assert all(torch.equal(a, b) for a, b in pairs), ending
          """, [directory.path])
    }
  }
}
