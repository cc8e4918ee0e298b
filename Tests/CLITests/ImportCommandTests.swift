import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct ImportCommandTests {
  private static let good = [
    "layout-flat.h5", "layout-flat-ordered.h5", "layout-group.h5", "layout-nested.h5", "prefix-module.h5",
    "prefix-orig-mod.h5", "prefix-module-orig-mod.h5", "prefix-orig-mod-module-module.h5", "checkpoint.h5",
  ]

  @Test("every arrangement of the same weights gives the same model file", arguments: good)
  func arrangements(file: String) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "model.h5")
      let ran = try tensorferry("import", Project.fixture("hdf5/" + file).path, "-o", output.path)
      #expect(ran.status == 0, "\(ran.errors)")
      let expected = directory.appending(path: "expected.h5")
      _ = try tensorferry("import", Project.fixture("hdf5/layout-flat.h5").path, "-o", expected.path)
      #expect(try Data(contentsOf: output) == Data(contentsOf: expected))
      let difference = try tensorferry("diff", output.path, Project.fixture("hdf5/layout-flat.h5").path, "--json")
      #expect(try difference.json["equal_tensors"]?.int == 6)
    }
  }

  private static let refusals: [(file: String, facts: [String])] = [
    ("hdf5/broken/text.h5", ["unknown format"]), ("hdf5/broken/empty.h5", ["empty"]),
    ("hdf5/broken/truncated-header.h5", ["hdf5"]), ("hdf5/broken/truncated-data.h5", ["hdf5"]),
    ("hdf5", ["directory"]), ("hdf5/no-such-file.h5", ["No such file"]),
    ("hdf5/broken/external-link.h5", ["external link", "linked.weight"]),
    ("hdf5/broken/soft-link.h5", ["soft link", "linked.weight"]),
    ("hdf5/broken/external-storage.h5", ["external", "outside"]), ("hdf5/broken/virtual.h5", ["virtual", "elsewhere"]),
    ("hdf5/broken/unknown-filter.h5", ["filter", "filtered"]),
    ("hdf5/transposed-fc.h5", ["fc.weight", "[7, 5]", "[5, 7]", "transposed would fit"]),
    (
      "hdf5/missing-and-extra.h5",
      ["3 problems", "attention.bias", "classifier.weight", "did you mean 'classifier.weights'"]
    ),
    ("hdf5/integers-for-floats.h5", ["I64", "fc.bias", "F32"]),
  ]

  @Test(
    "what cannot be imported gets one error with all the facts, status 2, and nothing is written", arguments: refusals)
  func refuses(file: String, facts: [String]) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "model.h5")
      let ran = try tensorferry("import", Project.fixture(file).path, "-o", output.path)
      #expect(ran.status == 2, "\(ran.output)\(ran.errors)")
      #expect(ran.output.isEmpty)
      #expect(ran.errors.hasPrefix("error: ") && ran.errors.contains(Project.fixture(file).path), "\(ran.errors)")
      for fact in facts { #expect(ran.errors.contains(fact), "\(ran.errors)") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
      let json = try tensorferry("import", Project.fixture(file).path, "-o", output.path, "--json")
      #expect(try json.status == 2 && json.json["schema"]?.string == "tensorferry.error/1")
    }
  }

  @Test("an output that exists is kept, and replaced with --force")
  func force() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "model.h5")
      try Data("mine".utf8).write(to: output)
      let input = Project.fixture("hdf5/layout-flat.h5").path
      #expect(try tensorferry("import", input, "-o", output.path).status == 2)
      #expect(try Data(contentsOf: output) == Data("mine".utf8))
      #expect(try tensorferry("import", input, "-o", output.path, "--force").status == 0)
      #expect(try tensorferry("inspect", output.path).output.contains("AttentionClassifier/1"))
    }
  }

  @Test("the answer in JSON names prefix, configuration, tensors and what was ignored")
  func json() throws {
    try withTemporaryDirectory { directory in
      let ran = try tensorferry(
        "import", Project.fixture("hdf5/checkpoint.h5").path, "-o", directory.appending(path: "m.h5").path, "--json")
      let answer = try ran.json
      #expect(answer["prefix"]?.string == "model.module.")
      #expect(answer["configuration"]?["input_size"]?.int == 7 && answer["configuration"]?["num_classes"]?.int == 3)
      #expect(answer["tensors"]?.array?.count == 6)
      #expect(answer["ignored"]?.array?.contains(.string("epoch")) == true)
    }
  }
}
