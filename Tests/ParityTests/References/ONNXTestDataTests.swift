import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Folders as the backend tests of ONNX have them: exported by torch, computed by onnxruntime, written by onnx.
@Suite struct ONNXTestDataTests {
  private static let program = """
    import os, sys, warnings, onnx, onnxruntime, torch, tensorferry
    from onnx import numpy_helper
    warnings.simplefilter("ignore")
    root = sys.argv[1]
    torch.manual_seed(17)
    model = tensorferry.AttentionClassifier(7, 5, 3).eval()
    tensorferry.save(model, root + "/model.h5")
    torch.onnx.export(model, (torch.randn(4, 6, 7),), root + "/model.onnx", input_names=["x"], output_names=["logits"],
                      dynamo=False, dynamic_axes={"x": {0: "batch", 1: "positions"}})
    session = onnxruntime.InferenceSession(root + "/model.onnx")
    def write(path, array, name=None):
        with open(path, "wb") as file: file.write(numpy_helper.from_array(array, name).SerializeToString())
    for number, shape in (0, (4, 6, 7)), (2, (3, 1, 7)), (10, (2, 9, 7)):
        folder = f"{root}/tests/test_data_set_{number}"
        os.makedirs(folder)
        x = torch.randn(shape).numpy()
        write(folder + "/input_0.pb", x, "x" if number else None)
        write(folder + "/output_0.pb", session.run(None, {"x": x})[0], "logits" if number else None)
    attention = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    tensorferry.save(attention, root + "/attention.h5")
    # As `value, key, query`, so that the names must count and not the places.
    q, k, v = (torch.randn(2, n, 6) for n in (3, 5, 5))
    os.makedirs(root + "/attention")
    for place, (name, value) in enumerate((("value", v), ("key", k), ("query", q))):
        write(f"{root}/attention/input_{place}.pb", value.numpy(), name)
    out, weights = attention(q, k, v)
    write(root + "/attention/output_0.pb", weights.detach().numpy(), "average_attention_weights")
    write(root + "/attention/output_1.pb", out.detach().numpy(), "output")
    import h5py
    transformer = tensorferry.TransformerClassifier(4, 2, 5, 1, 3)
    tensorferry.save(transformer.state_dict(), root + "/transformer.h5")
    tensorferry.record(transformer, torch.randn(2, 3, 4), root + "/stages.h5")
    os.makedirs(root + "/transformer")
    with h5py.File(root + "/stages.h5") as file:
        case = file["cases/0000"]
        write(root + "/transformer/input_0.pb", case["inputs/x"][...])
        for place, name in enumerate(case["stages"]):
            write(f"{root}/transformer/output_{place}.pb", case[f"stages/{name}/f32"][...], name)
    """

  /// What the program wrote, by paths.
  private static let files = Result { () throws -> [String: Data] in
    try withTemporaryDirectory { directory in
      try python(program, [directory.path])
      let paths = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
      let files = paths.map { ($0, try? Data(contentsOf: directory.appending(path: $0))) }
      return Dictionary(uniqueKeysWithValues: files.compactMap { path, data in data.map { (path, $0) } })
    }
  }

  private func withFolders(_ body: (URL, AttentionClassifier) throws -> Void) throws {
    let files = try Self.files.get()
    try withTemporaryDirectory { directory in
      for (path, data) in files {
        let url = directory.appending(path: path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
      }
      let weights = try StateDict(contentsOf: directory.appending(path: "model.h5"))
      try body(directory, AttentionClassifier(AttentionClassifier.plan(importing: weights), weights))
    }
  }

  @Test("the sets are cases; agreement of outputs is undecided, a difference beyond the bound is refuted")
  func sets() throws {
    try withFolders { directory, model in
      let file = try ReferenceFile(contentsOf: directory.appending(path: "tests"))
      let bundle = try file.bundle(of: model)
      #expect(bundle.cases.map(\.name) == ["0000", "0002", "0010"])
      let report = try bundle.verify(model)
      #expect(report.layout == .testData && report.verdict == .inconclusive, "\(report.text)")
      let output = try #require(report.stages.last)
      #expect(
        output.certificate(.reference).holds && output.certificate(.reference).compared == 27 && output.span.count == 4)
      #expect(try bundle.decisions(of: model).total == 9)
      #expect(report.text.split(separator: "\n").count <= 25)

      let one = try ReferenceFile(path: directory.appending(path: "tests/test_data_set_2").path + "/")
      #expect(try one.bundle(of: model).cases.map(\.name) == ["0002"])

      let bias = try #require(model.parameters["classifier.bias"]?.values[1])
      let changed = try model.with(bias + 0.01, at: 1, of: "classifier.bias")
      let refuted = try file.bundle(of: changed).verify(changed)
      #expect(refuted.verdict == .mismatchProven && refuted.firstDivergence?.name == "output")
    }
  }

  @Test("names count before places, and a named output is a stage")
  func names() throws {
    try withFolders { directory, _ in
      let weights = try StateDict(contentsOf: directory.appending(path: "attention.h5"))
      let plan = MultiheadAttention.plan(importing: weights, options: ["num_heads": JSONValue(2)])
      let model = try MultiheadAttention(plan, weights, options: ["num_heads": JSONValue(2)])
      let bundle = try ReferenceFile(contentsOf: directory.appending(path: "attention")).bundle(of: model)
      #expect(
        bundle.cases[0].inputs["query"]?.shape == [2, 3, 6] && bundle.cases[0].inputs["key"]?.shape == [2, 5, 6])
      #expect(Set(bundle.cases[0].stages.keys) == ["average_attention_weights", "output"])
      let report = try bundle.verify(model)
      #expect(report.verdict == .inconclusive, "\(report.text)")
      #expect(report.stages.last?.compared == 36)
    }
  }

  @Test("layer norm of a program that is not named is not judged; every other stage is")
  func otherProgram() throws {
    try withFolders { directory, _ in
      let weights = try StateDict(contentsOf: directory.appending(path: "transformer.h5"))
      let plan = TransformerClassifier.plan(importing: weights, options: ["num_heads": JSONValue(2)])
      let model = try TransformerClassifier(plan, weights, options: ["num_heads": JSONValue(2)])
      let bundle = try ReferenceFile(contentsOf: directory.appending(path: "transformer")).bundle(of: model)
      let report = try bundle.verify(model)
      #expect(report.verdict == .inconclusive)
      var norms = 0
      for stage in model.graph.stages {
        let judged = try #require(report.stages.first { $0.name == stage.name })
        let isNorm = stage.operation is LayerNorm
        norms += isNorm ? 1 : 0
        #expect(judged.verdict == (isNorm ? .inconclusive : .explained), "\(stage.name): \(judged.remarks)")
        #expect(judged.remarks.contains { $0.contains("of another program") } == isNorm)
      }
      #expect(norms == 2)
      #expect(try bundle.decisions(of: model).obstacle?.contains("another program") == true)
      let coverage = try bundle.coverage(of: model)
      #expect(coverage.parts.filter { $0.parameter.contains("norm") }.allSatisfy { $0.exposed == 0 })
    }
  }

  static let refused: [(ParityError.Code, String, String)] = [
    (.notAReference, "rm output_0.pb", "1 files input_N.pb and 0 files output_N.pb"),
    (.notAReference, "cp output_0.pb output_2.pb", "'output_1.pb' is missing"),
    (.unexpectedInput, "cp input_0.pb input_1.pb", "'x' is given twice"),
    (.unexpectedStage, "cp output_0.pb output_1.pb", "neither its name nor its place is that of a stage"),
  ]

  @Test("a folder that is not whole is refused", arguments: refused.indices)
  func refusal(_ index: Int) throws {
    let (code, command, fact) = Self.refused[index]
    try withFolders { directory, model in
      let folder = directory.appending(path: "tests/test_data_set_2")
      _ = try run(URL(filePath: "/bin/sh"), ["-c", command], in: folder)
      let error = #expect(throws: ParityError.self) { try ReferenceFile(contentsOf: folder).bundle(of: model) }
      #expect(error?.code == code)
      #expect(error?.description.contains(fact) == true, "\(error?.description ?? "")")
    }
  }

  @Test("a damaged tensor is refused with its place")
  func damaged() throws {
    try withFolders { directory, _ in
      let url = directory.appending(path: "tests/test_data_set_2/input_0.pb")
      try Data(Data(contentsOf: url).dropLast(3)).write(to: url)
      let error = #expect(throws: WeightFileError.self) {
        try ReferenceFile(contentsOf: directory.appending(path: "tests"))
      }
      #expect(error?.code == .malformed && error?.file == url.path && error?.place != nil)
    }
  }
}
