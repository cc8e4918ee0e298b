import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct KerasReadingTests {
  static let models = ["attention", "wrapped", "zoo", "classes", "float16", "many", "code"]

  /// What files without a configuration do not say: how the class of a wrapped layer, or which variable is left out.
  static let uncertain = [
    "each.fc.kernel": "each.fc.0", "each.fc.bias": "each.fc.1", "bn.beta": "bn.0", "bn.moving_mean": "bn.1",
    "bn.moving_variance": "bn.2", "batch_normalization.gamma": "batch_normalization.0",
    "batch_normalization.moving_mean": "batch_normalization.1",
    "batch_normalization.moving_variance": "batch_normalization.2",
    "group_normalization_1.gamma": "group_normalization_1.0",
    "layer_normalization.beta": "layer_normalization.0",
  ]

  private func expectWeights(
    _ state: StateDict, _ weights: [KerasFiles.Weight], renamed: [String: String] = [:], inOrder: Bool = false
  ) throws {
    let names = weights.map { renamed[$0.name] ?? $0.name }
    #expect(inOrder ? state.names == names : state.names.sorted() == names.sorted())
    for (name, weight) in zip(names, weights) {
      guard let tensor = state[name] else { continue }
      #expect(tensor.dtype.rawValue == weight.dtype, "\(name)")
      #expect(tensor.shape.dimensions == weight.shape, "\(name)")
      #expect(try KerasFiles.hex(tensor) == weight.hex, "\(name)")
    }
  }

  @Test("files of Keras 2 give names, order and bits as Keras has them", arguments: models, [".h5", "-weights.h5"])
  func legacy(model: String, ending: String) throws {
    try KerasFiles.withFile(model + ending) { url in
      let state = try StateDict(contentsOf: url)
      #expect(state.origin?.format == "keras")
      #expect(state.origin?.layout == (ending == ".h5" ? "Keras 2 whole model" : "Keras 2 weights"))
      try expectWeights(state, KerasFiles.weights(of: model), inOrder: true)
    }
  }

  @Test("archives of Keras 3 give the same names and bits", arguments: models + ["bfloat16"])
  func archive(model: String) throws {
    try KerasFiles.withFile(model + ".keras") { url in
      let state = try StateDict(contentsOf: url)
      #expect(state.origin?.layout == "Keras 3 archive")
      try expectWeights(state, KerasFiles.weights(of: model))
    }
  }

  @Test(
    "weights of Keras 3 give the same where the class of the layer tells, else numbers",
    arguments: models + ["bfloat16"],
    [".weights.h5", ".weights.json"])
  func weights(model: String, ending: String) throws {
    try KerasFiles.withFile(model + ending) { url in
      let state = try StateDict(contentsOf: url)
      #expect(state.origin?.layout?.hasPrefix("Keras 3 weights") == true)
      try expectWeights(state, KerasFiles.weights(of: model), renamed: Self.uncertain)
    }
  }

  @Test("a set of shards splits groups, and the numbers of layers and variables are in order")
  func shards() throws {
    try KerasFiles.withFile("zoo.weights.json") { url in
      #expect(try StateDict(contentsOf: url).origin?.layout == "Keras 3 weights, 7 shards")
      let index = try JSONValue(parsing: String(contentsOf: url, encoding: .utf8))
      #expect(try #require(index["weight_map"]?["/optimizer/vars"]?.array).count > 1)
    }
    try KerasFiles.withFile("many.weights.json") { url in
      try expectWeights(StateDict(contentsOf: url), KerasFiles.weights(of: "many"), inOrder: true)
    }
  }

  @Test("files that do not name the layers take their names and classes from the configuration")
  func unnamed() throws {
    try KerasFiles.withFile("zoo-old.keras") { url in
      let state = try StateDict(contentsOf: url)
      let parts = [
        ("query", "query_dense"), ("key", "key_dense"), ("value", "value_dense"), ("attention_output", "output_dense"),
      ]
      let pairs = parts.flatMap { new, old in
        ["kernel", "bias"].map { ("heads.\(new).\($0)", "heads.\(old).\($0)") }
      }
      try expectWeights(
        state, KerasFiles.weights(of: "zoo"), renamed: Dictionary(uniqueKeysWithValues: pairs))
      #expect(state.others.map(\.name) == ["metrics", "optimizer"])
    }
  }

  @Test("a deflated archive gives the same, and its assets are listed")
  func deflated() throws {
    try KerasFiles.withFile("zoo-deflated.keras") { url in
      let state = try StateDict(contentsOf: url)
      try expectWeights(state, KerasFiles.weights(of: "zoo"))
      #expect(state.others.map(\.name) == ["optimizer", "assets/words.txt"])
    }
  }

  @Test("the tensors of a stored archive are ranges of it")
  func ranges() throws {
    try KerasFiles.withFile("attention.keras") { url in
      let state = try StateDict(contentsOf: url)
      let bytes = [UInt8](try Data(contentsOf: url))
      for element in state {
        let offset = Int(try #require(element.tensor.fileOffset))
        #expect(try element.tensor.read().bytes == Array(bytes[offset..<offset + element.tensor.byteCount]))
      }
    }
  }

  @Test("layers that the user did not name are called by the attribute that holds them")
  func subclass() throws {
    try KerasFiles.withFile("net.weights.h5") { url in
      let names = [
        "net/dense/kernel": "fc.kernel", "net/dense/bias": "fc.bias", "net/first/kernel": "first.kernel",
        "net/first/bias": "first.bias", "net/second/kernel": "second.kernel", "net/second/bias": "second.bias",
        "net/classifier/kernel": "classifier.kernel", "net/classifier/bias": "classifier.bias", "net/scale": "net.0",
      ]
      try expectWeights(StateDict(contentsOf: url), KerasFiles.weights(of: "net"), renamed: names)
    }
  }

  @Test("the variables of the optimizer are read on request", arguments: [".keras", ".weights.h5", ".weights.json"])
  func optimizer(ending: String) throws {
    try KerasFiles.withFile("zoo" + ending) { url in
      #expect(try StateDict(contentsOf: url).others.map(\.kind) == ["training state"])
      let state = try StateDict(contentsOf: url, format: KerasFormat(keepsTrainingState: true))
      var optimizer = StateDict()
      for element in state where element.name.hasPrefix("optimizer.") {
        try optimizer.append(element.name, element.tensor)
      }
      try expectWeights(optimizer, KerasFiles.weights(of: "optimizer"), inOrder: true)
      #expect(state.others.isEmpty)
    }
  }

  @Test("the variables of a Keras 2 optimizer are called as it calls them")
  func legacyOptimizer() throws {
    try KerasFiles.withFile("zoo.h5") { url in
      let state = try StateDict(contentsOf: url, format: KerasFormat(keepsTrainingState: true))
      let expected = try KerasFiles.weights(of: "optimizer")
      let found = state.filter { $0.name.hasPrefix("optimizer.adam.") }
      #expect(try found.map { try KerasFiles.hex($0.tensor) } == expected.map(\.hex))
      #expect(found.first?.name == "optimizer.adam.iteration")
    }
  }

  @Test(
    "bfloat16 that Keras 2's layout does not mark is refused by name, until its reader says what it is",
    arguments: [".h5", "-weights.h5"])
  func unmarked(ending: String) throws {
    try KerasFiles.withFile("bfloat16" + ending) { url in
      let state = try StateDict(contentsOf: url)
      #expect(state.isEmpty)
      #expect(state.others.map(\.name) == ["fc.kernel", "fc.bias"])
      #expect(state.others.allSatisfy { $0.isRefused && $0.isAmbiguous })
      let told = try StateDict(contentsOf: url, options: ReadingOptions(voidTypes: [.bf16]))
      #expect(told.others.isEmpty && told.map(\.tensor.dtype) == [.bf16, .bf16])
    }
  }

  @Test("the configuration is metadata, and code in it is reported", arguments: ["code.h5", "code.keras"])
  func configuration(file: String) throws {
    try KerasFiles.withFile(file) { url in
      let state = try StateDict(contentsOf: url)
      #expect(state.metadata("keras_version") == "3.15.1")
      #expect(state.metadata("model_config")?["class_name"] == "Sequential")
      #expect(state.others.map(\.kind) == ["lambda"] && state.others.map(\.name) == ["twice"])
    }
  }

  @Test(
    "a whole model becomes a safetensors file with the same bits",
    arguments: ["zoo.h5", "zoo.keras", "zoo.weights.json"])
  func conversion(file: String) throws {
    try KerasFiles.withFile(file) { url in
      let state = try StateDict(contentsOf: url)
      let copy = url.deletingLastPathComponent().appending(path: "copy.safetensors")
      try state.write(to: copy, format: .safetensors)
      #expect(try state.difference(from: StateDict(contentsOf: copy)).tensorsAreEqual)
    }
  }

  @Test("nothing is written")
  func readOnly() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      try state.append("fc.kernel", LazyTensor(Tensor(dtype: .u8, shape: [3], bytes: [1, 2, 3])))
      let url = directory.appending(path: "x.keras")
      #expect { try state.write(to: url, format: .keras) } throws: {
        ($0 as? WeightFileError)?.code == .unrepresentable
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }
  }
}
