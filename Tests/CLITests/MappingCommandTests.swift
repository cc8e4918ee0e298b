import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Weights as people store them, each with PyTorch's own reference; see `Fixtures/mapping/journeys.py`.
@Suite(.serialized) struct MappingCommandTests {
  private func withJourneys(
    _ body: (_ folder: URL, _ journeys: [(name: String, weights: String, map: [String])]) throws -> Void
  )
    throws
  {
    try withTemporaryDirectory { directory in
      let folder = directory.appending(path: "journeys")
      try python(script: Project.fixture("mapping/journeys.py"), [folder.path])
      let list = try JSONValue(parsing: String(contentsOf: folder.appending(path: "journeys.json"), encoding: .utf8))
      try body(
        folder,
        try #require(list.array).map { entry in
          let name = try #require(entry["name"]?.string)
          let map = folder.appending(path: "\(name)/map.yaml").path
          return (
            name, folder.appending(path: "\(name)/\(entry["weights"]?.string ?? "")").path,
            entry["mapped"]?.bool == true ? ["--map", map] : []
          )
        })
    }
  }

  private func ferry(_ arguments: [String]) throws -> Completed { try run(Project.command, arguments) }

  @Test("every way in which people store the weights is imported and verified, and goes back to PyTorch's own file")
  func journeys() throws {
    try withJourneys { folder, journeys in
      #expect(journeys.count == 13)
      for journey in journeys {
        let path = { (file: String) in folder.appending(path: "\(journey.name)/\(file)").path }
        let imported = try ferry(["import", journey.weights, "-o", path("model.h5")] + journey.map)
        #expect(imported.status == 0, "\(journey.name): \(imported.errors)")
        let verified = try ferry(["verify", path("model.h5"), path("reference.h5")])
        #expect(verified.status == 0, "\(journey.name): \(verified.output)\(verified.errors)")
        // The same without the model file between.
        let direct = try ferry(["verify", journey.weights, path("reference.h5")] + journey.map)
        #expect(direct.status == 0, "\(journey.name): \(direct.output)\(direct.errors)")

        let back = try ferry(["convert", path("model.h5"), path("back.pt"), "--inverse"])
        if journey.name.hasPrefix("weight-norm") {
          #expect(back.status == 2 && back.errors.contains("weight_norm keeps the product"), "\(back.errors)")
          continue
        }
        #expect(back.status == 0, "\(journey.name): \(back.errors)")
        // What was found by its own names behind a key or a wrapper's prefix comes back without them.
        if ["checkpoint", "lightning", "wrapped"].contains(journey.name) { continue }
        let difference = try ferry(["diff", path("back.pt"), journey.weights])
        #expect(difference.status == 0, "\(journey.name): \(difference.output)")
      }
    }
  }

  @Test("a mapping that folds a weight norm is valid and lossy; one that renames and transposes is proven lossless")
  func check() throws {
    try withJourneys { folder, journeys in
      for (name, status, word) in [
        ("keras-layout", 0, "LOSSLESS"), ("fused", 0, "LOSSLESS"), ("weight-norm", 1, "LOSSY"),
      ] {
        let journey = try #require(journeys.first { $0.name == name })
        let checked = try ferry(
          ["map", "check", journey.weights, "--target", "AttentionClassifier"] + journey.map)
        #expect(checked.status == Int32(status), "\(name): \(checked.output)\(checked.errors)")
        #expect(checked.output.contains(word))
        let json = try ferry(["map", "check", journey.weights, "--json"] + journey.map).json
        #expect(json["schema"]?.string == "tensorferry.map-check/1" && json["lossless"]?.bool == (status == 0))
      }
      let journey = try #require(journeys.first { $0.name == "keras-layout" })
      let explained = try ferry(
        ["map", "explain", "fc.weight", journey.weights, "--target", "AttentionClassifier"] + journey.map)
      #expect(explained.output.contains("is made from 'encoder.proj.kernel' F32 [7, 5] by transpose"))
      let unknown = try ferry(["map", "explain", "encoder.proj.kernal", journey.weights] + journey.map)
      #expect(unknown.status == 2 && unknown.errors.contains("did you mean 'encoder.proj.kernel'?"))
    }
  }

  @Test(
    "a draft is a mapping file that verifies; a square matrix is asked for, and parity proves the wrong answer wrong")
  func draft() throws {
    try withJourneys { folder, journeys in
      func draft(_ name: String, _ options: [String] = []) throws -> (Completed, String) {
        let journey = try #require(journeys.first { $0.name == name })
        let map = folder.appending(path: name + ".draft.yaml").path
        let drafted = try ferry(
          ["map", "init", journey.weights, "--target", "AttentionClassifier", "-o", map, "--force"] + options)
        let verified = try ferry(
          ["verify", journey.weights, folder.appending(path: "\(name)/reference.h5").path, "--map", map])
        return (drafted, "\(verified.status)")
      }
      let keras = try draft("keras-layout")
      #expect(keras.0.status == 0 && keras.1 == "0", "\(keras)")
      let open = try draft("square-transposed")
      #expect(open.0.status == 3 && open.0.output.contains("fc.weight") && open.1 == "2", "\(open)")
      let right = try draft("square-transposed", ["--layout", "input_first"])
      #expect(right.0.status == 0 && right.1 == "0", "\(right)")
      // A matrix of the other layout that is not square contradicts the declaration; the square one alone does not.
      let square = try #require(journeys.first { $0.name == "square" })
      let wrong = folder.appending(path: "wrong.yaml")
      try Data(
        "mapping: tensorferry.mapping/1\nrules: [{to: fc.weight, from: fc.weight, apply: transpose}, {keep: '**'}]\n"
          .utf8
      )
      .write(to: wrong)
      let refuted = try ferry(
        ["verify", square.weights, folder.appending(path: "square/reference.h5").path, "--map", wrong.path])
      #expect(refuted.status == 1, "\(refuted.output)\(refuted.errors)")
    }
  }

  @Test("a mapping with problems tells all of them with their lines, as text and as JSON, and writes nothing")
  func problems() throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "weights.safetensors").path
      try python(
        """
        import sys, torch, safetensors.torch
        safetensors.torch.save_file({"proj.kernel": torch.zeros(5, 7), "proj.bias": torch.zeros(5),
            "other.bias": torch.zeros(5), "qkv": torch.zeros(7, 4), "steps": torch.zeros(3, dtype=torch.int64)}, sys.argv[1])
        """, [source])
      let map = directory.appending(path: "map.yaml")
      try Data(
        """
        mapping: tensorferry.mapping/1
        rules:
        - {drop: "optimizer.**"}
        - {to: fc.bias, from: proj.bias}
        - {to: fc.bias, from: other.bias}
        - {to: fc.weight, from: proj.kernal}
        - {to: [q, k, v], from: qkv, apply: {split: {axis: 0, parts: 3}}}
        - {to: head.weight, from: steps, apply: {cast: F32}}
        - {to: w, from: proj.kernel}
        """.utf8
      ).write(to: map)
      let output = directory.appending(path: "out.safetensors").path
      let refused = try ferry(["convert", source, output, "--map", map.path])
      #expect(refused.status == 2 && refused.errors.contains("5 problems"), "\(refused.errors)")
      for line in 3...8 where line != 4 { #expect(refused.errors.contains("line \(line), column"), "\(line)") }
      let json = try ferry(["map", "check", source, "--map", map.path, "--json"]).json
      #expect(json["problems"]?.array?.count == 5)
      #expect(json["problems"]?.array?.allSatisfy { $0["line"]?.int != nil && $0["suggestion"]?.string != nil } == true)
      #expect(!FileManager.default.fileExists(atPath: output))
    }
  }

  @Test("casts that lose values are refused in a mapping as they are in --dtype")
  func lossy() throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "weights.safetensors").path
      try python(
        "import sys, torch, safetensors.torch; safetensors.torch.save_file({'w': torch.tensor([1.0, 0.1])}, sys.argv[1])",
        [source])
      let map = directory.appending(path: "map.yaml")
      try Data("{mapping: tensorferry.mapping/1, rules: [{to: v, from: w, apply: {cast: BF16}}]}".utf8).write(to: map)
      let output = directory.appending(path: "out.safetensors").path
      let refused = try ferry(["convert", source, output, "--map", map.path])
      #expect(refused.status == 2 && refused.errors.contains("changes 1 elements of 1 tensors"), "\(refused.errors)")
      #expect(try ferry(["convert", source, output, "--map", map.path, "--allow-lossy"]).status == 0)
    }
  }
}
