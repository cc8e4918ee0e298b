import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A model whose output layer shares the embedding's weight.
private let tiedModel = """
  import json, sys, torch
  from safetensors import safe_open
  from safetensors.torch import load_file, load_model, save_model
  class Model(torch.nn.Module):
    def __init__(self):
      super().__init__()
      self.embed = torch.nn.Embedding(7, 3)
      self.fc = torch.nn.Linear(3, 5)
      self.head = torch.nn.Linear(3, 7, bias=False)
      self.head.weight = self.embed.weight
  torch.manual_seed(int(sys.argv[2]))
  model = Model()

  """

@Suite struct SafetensorsMetadataTests {
  /// Writes `state`, and gives back what was read and the path to `body`.
  private func written(_ state: StateDict, _ body: (StateDict, String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "out.safetensors").path
      try state.write(path: path, format: .safetensors)
      try body(try StateDict(path: path), path)
    }
  }

  @Test("a name that save_model dropped comes back as an alias, and its metadata key is gone")
  func fromSaveModel() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "tied.safetensors").path
      try python(tiedModel + "save_model(model, sys.argv[1], metadata={'format': 'pt'})", [path, "1"])
      let state = try StateDict(path: path)
      #expect(Set(state.names) == ["embed.weight", "fc.bias", "fc.weight", "head.weight"])
      #expect(state.sharedNames == [["embed.weight", "head.weight"]])
      #expect(state.metadata == [.init("format", "pt")])
    }
  }

  @Test("load_model takes a file with an alias, strictly, and the weights stay tied")
  func toLoadModel() throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "tied.safetensors").path
      let target = directory.appending(path: "ours.safetensors").path
      try python(tiedModel + "save_model(model, sys.argv[1])", [source, "1"])
      try StateDict(path: source).write(path: target, format: .safetensors)
      let found = try python(
        tiedModel
          + """
          load_model(model, sys.argv[1], strict=True)
          expected = load_file(sys.argv[3])
          print(all(torch.equal(model.state_dict()[n], t) for n, t in expected.items()), len(expected))
          print(model.head.weight is model.embed.weight, sorted(load_file(sys.argv[1])))
          print(safe_open(sys.argv[1], "pt").metadata()["head.weight"], safe_open(sys.argv[1], "pt").metadata()["format"])
          """, [target, "2", source])
      #expect(
        lines(found) == ["True 3", "True ['embed.weight', 'fc.bias', 'fc.weight']", "embed.weight pt"])
    }
  }

  @Test("aliases come back at their positions, wherever they stand")
  func positions() throws {
    var state = StateDict()
    let a = try patterned(.f32, [3, 2], seed: 1)
    let b = try patterned(.f32, [3, 2], seed: 2)
    try state.append("z", a)
    try state.append("y.tied", a, aliasOf: "z")
    try state.append("x", b)
    try state.append("a", patterned(.u8, [4]))
    try state.append("b.tied", b, aliasOf: "x")
    try state.append("c.tied", a, aliasOf: "z")
    try state.append("last", patterned(.f16, [2]))
    try written(state) { (read, _) throws in
      #expect(read.names == state.names)
      #expect(read.map(\.aliasOf) == state.map(\.aliasOf))
      #expect(read.metadata == [])
    }
  }

  @Test("metadata that is not text comes back as it was, and Python's json module reads its text")
  func jsonValues() throws {
    var state = StateDict()
    try state.append("w", patterned(.f32, [2]))
    state.metadata = [
      .init("best_loss", .number(.infinity)), .init("epoch", .integer(12)),
      .init("looks like JSON", "12"), .init("lr", .number(-1e-7)), .init("none", nil),
      .init(
        "options",
        ["betas": [.number(0.9), .number(1)], "name": "Adam", "amsgrad": false, "worst": .number(-.infinity)]),
      .init("seed", .unsigned(.max)),
    ]
    try written(state) { (read, path) throws in
      #expect(read.metadata == state.metadata)
      let found = try python(
        """
        import json, sys
        from safetensors import safe_open
        metadata = safe_open(sys.argv[1], "np").metadata()
        print([json.loads(metadata[k]) for k in ("best_loss", "epoch", "lr", "none", "options", "seed")])
        """, [path])
      #expect(
        lines(found) == [
          "[inf, 12, -1e-07, None, {'betas': [0.9, 1.0], 'name': 'Adam', 'amsgrad': False, 'worst': -inf}, "
            + "18446744073709551615]"
        ])
    }
  }

  @Test("not a number stays not a number")
  func notANumber() throws {
    var state = StateDict()
    state.metadata = [.init("loss", .number(.nan))]
    try written(state) { (read, _) throws in #expect(read.metadata("loss")?.double?.isNaN == true) }
  }

  @Test("metadata of texts alone is written as it is, without additions")
  func plainTexts() throws {
    var state = StateDict()
    try state.append("w", patterned(.f32, [2]))
    state.metadata = [.init("author", "é 😀"), .init("", "empty key")]
    try written(state) { (read, path) throws in
      #expect(Set(read.metadata) == Set(state.metadata))
      let found = try python(
        """
        import sys
        from safetensors import safe_open
        print(sorted(safe_open(sys.argv[1], "np").metadata().items()))
        """, [path])
      #expect(lines(found) == ["[('', 'empty key'), ('author', 'é 😀')]"])
    }
  }

  @Test("metadata whose text happens to be a tensor's name stays metadata in our own files")
  func ambiguous() throws {
    var state = StateDict()
    try state.append("fc.weight", patterned(.f32, [2]))
    state.metadata = [.init("best layer", "fc.weight")]
    try written(state) { (read, _) throws in
      #expect(read.names == ["fc.weight"])
      #expect(read.metadata == state.metadata)
    }
  }

  @Test("a metadata key with the name of an alias cannot be written")
  func takenKey() throws {
    var state = StateDict()
    let tensor = try patterned(.f32, [2])
    try state.append("a", tensor)
    try state.append("b", tensor, aliasOf: "a")
    state.metadata = [.init("b", "text")]
    #expect { try written(state) { _, _ in } } throws: { ($0 as? WeightFileError)?.code == .unrepresentable }
  }

  @Test(
    "a record that contradicts itself is a typed error or stays metadata",
    arguments: [
      (#"not json"#, true), (#"{\"aliases\":{\"b\":-1}}"#, true), (#"{\"aliases\":{\"b\":\"1\"}}"#, true),
      (#"{\"json\":[\"text\"]}"#, true), (#"{\"aliases\":{\"b\":0}}"#, true), (#"{\"aliases\":{\"gone\":7}}"#, false),
      (#"{\"aliases\":{\"b\":9223372036854775807}}"#, false), (#"{\"json\":[\"absent\"]}"#, false),
    ])
  func hostileRecord(record: String, isRefused: Bool) throws {
    let header =
      #"{"__metadata__":{"b":"a","gone":"nothing","text":"{","tensorferry.safetensors/1":""# + record
      + #""},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#
    if isRefused {
      #expect { try readSafetensors(safetensorsFile(header, data: 3)) } throws: {
        ($0 as? WeightFileError)?.code == .malformed || ($0 as? TensorError)?.code == .badAlias
      }
    } else {
      #expect(try readSafetensors(safetensorsFile(header, data: 3)).first?.name == "a")
    }
  }
}
