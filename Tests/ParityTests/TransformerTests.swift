import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Attentions and transformers that PyTorch computed in this run.
@Suite struct TransformerTests {
  /// Weights and reference of one entry of a list that a generator wrote.
  private static func verify(_ entry: JSONValue, in directory: URL) throws -> ParityReport {
    let weights = try #require(entry["weights"]?.string)
    let reference = try #require(entry["reference"]?.string)
    let state = try StateDict(contentsOf: directory.appending(path: weights))
    let model = try load(ModelRegistry.model(for: state.names), state, try #require(entry["options"]))
    return try ReferenceBundle(contentsOf: directory.appending(path: reference)).verify(model)
  }

  private static func load<Loaded: ImportableModel>(
    _: Loaded.Type, _ state: StateDict, _ options: JSONValue
  ) throws -> any ImportableModel {
    try Loaded(Loaded.plan(importing: state, options: options), state, options: options)
  }

  private static func list(_ name: String, in directory: URL) throws -> [JSONValue] {
    try #require(try JSONValue(parsing: [UInt8](Data(contentsOf: directory.appending(path: name)))).array)
  }

  /// See `Fixtures/parity/transformer_mutants.py`.
  @Test("whatever is wrong with a transformer is found at the stage where it is")
  func mutants() throws {
    try withTemporaryDirectory { directory in
      try python(script: Project.fixture("parity/transformer_mutants.py"), [directory.path])
      let mutants = try Self.list("mutants.json", in: directory)
      #expect(mutants.count == 15)
      for mutant in mutants {
        let report = try Self.verify(mutant, in: directory)
        #expect(report.verdict == .mismatchProven, "\(mutant.text())")
        #expect(report.firstDivergence?.name == mutant["first_stage"]?.string, "\(mutant.text())")
        #expect(report.blame == .reference)
      }
    }
  }

  @Test("a mask that the reference used and does not hold is missed in the first softmax")
  func lostMask() throws {
    try withTemporaryDirectory { directory in
      try python(script: Project.fixture("parity/transformer_mutants.py"), [directory.path])
      try python(
        "import sys, h5py\nwith h5py.File(sys.argv[1], 'r+') as file: del file['cases/0000/inputs/padding_mask']",
        [directory.appending(path: "reference.h5").path])
      let options = try JSONValue(parsing: #"{"num_heads": 3, "activation": "gelu"}"#)
      let entry: JSONValue = ["weights": "weights.h5", "reference": "reference.h5", "options": options]
      let report = try Self.verify(entry, in: directory)
      #expect(report.firstDivergence?.name == "encoder.layers.0.self_attn.attention_weights")
    }
  }

  @Test("another number of heads has stages of another shape, which is told")
  func otherHeads() throws {
    try withTemporaryDirectory { directory in
      try python(script: Project.fixture("parity/transformer_mutants.py"), [directory.path])
      let options = try JSONValue(parsing: #"{"num_heads": 4, "activation": "gelu"}"#)
      let entry: JSONValue = ["weights": "weights.h5", "reference": "reference.h5", "options": options]
      let error = #expect(throws: ParityError.self) { try Self.verify(entry, in: directory) }
      #expect(error?.code == .stageShape)
    }
  }
}
