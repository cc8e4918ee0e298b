import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Sizes of a model and of its input, all unequal; 0 positions for the vector form.
struct Sizes: Sendable, CustomTestStringConvertible {
  let input: Int
  let hidden: Int
  let classes: Int
  let positions: Int

  var testDescription: String { "\(input)-\(hidden)-\(classes), \(positions) positions" }

  static let all = [(7, 5, 3), (784, 256, 10), (768, 512, 100)].flatMap { sizes in
    [1, 2, 49].map { Sizes(input: sizes.0, hidden: sizes.1, classes: sizes.2, positions: $0) }
  }
}

/// Every model and reference is made by PyTorch in the same run.
@Suite struct VerifyCommandTests {
  /// Writes the model, its mutants and its references into a directory; see `Fixtures/parity/mutants.py`.
  private func export(_ sizes: Sizes, to directory: URL) throws {
    try python(
      """
      import sys, torch, tensorferry
      torch.manual_seed(11)
      model = tensorferry.AttentionClassifier(*map(int, sys.argv[2:5]))
      with torch.no_grad():
          model.attention.bias.add_(0.25)
          model.classifier.bias.add_(0.25)
      tensorferry.save(model, sys.argv[1])
      """, [directory.appending(path: "weights.h5").path, "\(sizes.input)", "\(sizes.hidden)", "\(sizes.classes)"])
    try python(
      script: Project.fixture("parity/mutants.py"),
      [directory.appending(path: "weights.h5").path, directory.path, "--positions", "\(sizes.positions)"])
  }

  @Test(
    "a clean model is imported and verified; every mutant is refuted at the stage that it changes", arguments: Sizes.all
  )
  func mutants(sizes: Sizes) throws {
    try withTemporaryDirectory { directory in
      try export(sizes, to: directory)
      let path = { (name: String) in directory.appending(path: name).path }
      let imported = try tensorferry("import", path("weights.h5"), "-o", path("model.h5"))
      #expect(imported.status == 0, "\(imported.errors)")
      let clean = try tensorferry("verify", path("model.h5"), path("reference.h5"))
      #expect(clean.status == 0, "\(clean.output)\(clean.errors)")
      for stage in ["fc", "attention_scores", "attention_weights", "attended_x", "output"] {
        #expect(clean.output.contains(stage))
      }
      #expect(clean.output.split(separator: "\n").count <= 25)

      let mutants = try JSONValue(parsing: [UInt8](Data(contentsOf: directory.appending(path: "mutants.json"))))
      #expect(mutants.array?.count == 8)
      for mutant in mutants.array ?? [] {
        let stage = try #require(mutant["first_stage"]?.string)
        let reference = try #require(mutant["reference"]?.string)
        // Where the weights are as they were, the reference is wrong.
        let weights = mutant["weights"]?.string ?? "weights.h5"
        let name = "\(weights) against \(reference)"
        let refuted = try tensorferry("verify", path(weights), path(reference), "--json")
        #expect(refuted.status == 1, "\(name): \(refuted.output)\(refuted.errors)")
        let report = try refuted.json
        #expect(report["verdict"]?.string == "MISMATCH_PROVEN", "\(name)")
        let first = report["stages"]?.array?.first { $0["verdict"]?.string == "MISMATCH_PROVEN" }
        #expect(first?["name"]?.string == stage, "\(name)")
      }
    }
  }

  @Test("a reference for a model of other sizes, and one that is no reference, cannot be judged: both numbers are told")
  func otherSizes() throws {
    let model = Project.fixture("models/attention-classifier/vector/weights.h5").path
    try withTemporaryDirectory { directory in
      let reference = directory.appending(path: "reference.h5").path
      try python(
        """
        import sys, torch, tensorferry
        tensorferry.record(tensorferry.AttentionClassifier(7, 5, 3), torch.rand(4, 7), sys.argv[1])
        """, [reference])
      let wrong = try tensorferry("verify", model, reference)
      #expect(wrong.status == 2)
      #expect(wrong.errors.contains("7") && wrong.errors.contains("64"), "\(wrong.errors)")
    }
    let notOne = try tensorferry("verify", model, model)
    #expect(notOne.status == 2 && notOne.errors.contains("tensorferry.reference/1"), "\(notOne.errors)")
  }

  @Test("without float64 the verdict is at most EXPLAINED; without a stage it is undecided", arguments: [true, false])
  func incomplete(keepsFloat32: Bool) throws {
    let folder = Project.fixture("models/attention-classifier/positions")
    try withTemporaryDirectory { directory in
      let reference = directory.appending(path: "reference.h5").path
      try python(
        """
        import sys, shutil, h5py
        shutil.copy(sys.argv[1], sys.argv[2])
        with h5py.File(sys.argv[2], 'r+') as f:
            for case in f['cases'].values():
                if sys.argv[3] == 'true':
                    for stage in case['stages'].values(): del stage['f64']
                else:
                    del case['stages/attended_x']
        """, [folder.appending(path: "reference.h5").path, reference, "\(keepsFloat32)"])
      let ran = try tensorferry("verify", folder.appending(path: "weights.h5").path, reference, "--json")
      #expect(ran.status == (keepsFloat32 ? 0 : 3), "\(ran.output)")
      #expect(try ran.json["verdict"]?.string == (keepsFloat32 ? "EXPLAINED" : "INCONCLUSIVE"))
    }
  }

  @Test("the report of the fixtures has the members that the reference promises", arguments: ["vector", "positions"])
  func json(form: String) throws {
    let folder = Project.fixture("models/attention-classifier/" + form)
    let ran = try tensorferry(
      "verify", folder.appending(path: "weights.h5").path, folder.appending(path: "reference.h5").path, "--json")
    #expect(ran.status == 0)
    let report = try ran.json
    #expect(report.members?.first?.key == "schema" && report["schema"]?.string == "tensorferry.verify/1")
    for stage in report["stages"]?.array ?? [] {
      let keys = [
        "name", "verdict", "blame", "compared", "nonfinite", "max_abs", "bound", "utilisation", "at", "reference",
        "ours",
        "oracle",
      ]
      #expect(stage.members?.map(\.key).filter(keys.contains) == keys)
      #expect((stage["compared"]?.int ?? 0) > 0)
      #expect((stage["utilisation"]?.double ?? 2) <= 1)
    }
    #expect(report["stages"]?.array?.count == 5)
  }

  private static let fixture = ["weights.h5", "reference.h5"].map {
    Project.fixture("models/attention-classifier/positions").appending(path: $0).path
  }

  @Test("a tolerance of the user's own is a second gate", arguments: [("1e-9", 1), ("1e-4", 0)] as [(String, Int32)])
  func tolerance(absolute: String, status: Int32) throws {
    let ran = try run(Project.command, ["verify"] + Self.fixture + ["--atol", absolute, "--json"])
    #expect(ran.status == status, "\(ran.errors)")
    #expect(try ran.json["verdict"]?.string == "TYPICAL")
    #expect(try ran.json["tolerance"]?["passed"]?.bool == (status == 0))
    #expect(try ran.json["tolerance"]?["rtol"]?.double == 0)
  }

  @Test("a tolerance excuses nothing: what is refuted stays so")
  func toleranceIsNoExcuse() throws {
    try withTemporaryDirectory { directory in
      let mutant = directory.appending(path: "mutant.h5").path
      try python(
        """
        import sys, h5py, tensorferry, torch
        with h5py.File(sys.argv[1]) as file:
            state = {name: torch.from_numpy(file[name][...]) for name in file}
        state["fc.weight"][1, 2] += 1e-3
        tensorferry.save(state, sys.argv[2])
        """, [Self.fixture[0], mutant])
      let ran = try tensorferry("verify", mutant, Self.fixture[1], "--atol", "1", "--rtol", "1", "--json")
      #expect(ran.status == 1)
      #expect(try ran.json["verdict"]?.string == "MISMATCH_PROVEN")
      #expect(try ran.json["tolerance"]?["passed"]?.bool == true)
    }
  }

  @Test(
    "a tolerance that is negative or not finite is a usage error",
    arguments: ["--atol=-1e-9", "--rtol=-1", "--atol=nan", "--rtol=inf", "--atol=x"])
  func refusedTolerance(option: String) throws {
    let ran = try run(Project.command, ["verify"] + Self.fixture + [option])
    #expect(ran.status == 64, "\(ran.output)")
  }

  @Test("--explain prints the six assumptions after the report")
  func explain() throws {
    let lines = try run(Project.command, ["verify"] + Self.fixture + ["--explain"]).output.split(separator: "\n")
    let result = try #require(lines.firstIndex { $0.hasPrefix("RESULT  TYPICAL") })
    let ids = lines[result...].filter { $0.hasPrefix("A") }.map { String($0.prefix(2)) }
    #expect(ids.filter { $0.last?.isNumber == true } == ["A1", "A2", "A3", "A4", "A5", "A6"])
    #expect(result < 25)
  }

  @Test("a self-test tells what is exposed and does not change the status", arguments: ["vector", "positions"])
  func selfTest(form: String) throws {
    let folder = Project.fixture("models/attention-classifier/" + form)
    let files = ["weights.h5", "reference.h5"].map { folder.appending(path: $0).path }
    let ran = try tensorferry("verify", files[0], files[1], "--self-test", "--seed", "7", "--json")
    #expect(ran.status == 0, "\(ran.errors)")
    let report = try ran.json
    #expect(report["self_test"]?["seed"]?.int == 7)
    #expect((report["self_test"]?["killed"]?.int ?? 0) > 50)
    #expect(report["decisions"]?["samples"]?.int == report["decisions"]?["equal"]?.int)
    #expect(report["budget"]?["stages"]?.array?.count == 5)
    let invisible = report["coverage"]?["parts"]?.array?.filter { $0["influences_output"]?.bool == false } ?? []
    let attention = form == "vector" ? ["attention.weight", "attention.bias"] : ["attention.bias"]
    #expect(invisible.map { $0["parameter"]?.string } == attention)
    let text = try tensorferry("verify", files[0], files[1], "--self-test")
    #expect(text.output.contains("corruptions are exposed (seed 0)"))
    #expect(text.output.split(separator: "\n").count <= 25)
  }

  @Test("a reference that was converted gives the same report", arguments: ["safetensors", "npz", "pt"])
  func converted(ending: String) throws {
    let folder = Project.fixture("models/attention-classifier/positions")
    let (weights, reference) = (folder.appending(path: "weights.h5").path, folder.appending(path: "reference.h5").path)
    try withTemporaryDirectory { directory in
      let copy = directory.appending(path: "reference." + ending).path
      #expect(try tensorferry("convert", reference, copy).status == 0)
      let (first, second) = try (
        tensorferry("verify", weights, reference, "--json"), tensorferry("verify", weights, copy, "--json")
      )
      #expect(first.status == 0 && second.status == 0, "\(second.errors)")
      // The hashes of the files differ, and nothing else does.
      func withoutHashes(_ output: String) throws -> JSONValue {
        let members = try JSONValue(parsing: output.replacing(reference, with: copy)).members ?? []
        #expect(members.contains { $0.key == "inputs" })
        return .object(members.filter { $0.key != "inputs" })
      }
      #expect(try withoutHashes(first.output) == withoutHashes(second.output))
    }
  }

  @Test("arrays that anyone wrote: parity from all stages, undecided from the output, refuted by a wrong one")
  func arrays() throws {
    let weights = Project.fixture("models/attention-classifier/vector/weights.h5").path
    try withTemporaryDirectory { directory in
      try python(
        """
        import sys, h5py, numpy, torch
        from safetensors.torch import save_file
        with h5py.File(sys.argv[1]) as file: p = {k: torch.from_numpy(file[k][...]) for k in file}
        F = torch.nn.functional
        x = torch.rand(3, p["fc.weight"].shape[1])
        fc = F.linear(x, p["fc.weight"], p["fc.bias"])
        scores = F.linear(fc, p["attention.weight"], p["attention.bias"])
        shares = torch.softmax(scores, 1)
        attended = shares * fc
        output = F.linear(attended, p["classifier.weight"], p["classifier.bias"])
        save_file({"x": x, "fc": fc, "attention_scores": scores, "attention_weights": shares, "attended_x": attended,
                   "output": output}, sys.argv[2] + "/all.safetensors")
        numpy.savez(sys.argv[2] + "/output.npz", x=x.numpy(), output=output.numpy())
        torch.save({"x": x, "output": output.flip(1)}, sys.argv[2] + "/wrong.pt")
        """, [weights, directory.path])
      for (name, status, verdict) in [
        ("all.safetensors", 0, "EXPLAINED"), ("output.npz", 3, "INCONCLUSIVE"), ("wrong.pt", 1, "MISMATCH_PROVEN"),
      ] {
        let path = directory.appending(path: name).path
        let ran = try tensorferry("verify", weights, path)
        #expect(ran.status == Int32(status), "\(ran.output)\(ran.errors)")
        #expect(ran.output.contains("RESULT  \(verdict)"))
        #expect(ran.output.split(separator: "\n").count <= 25)
        let report = try tensorferry("verify", weights, path, "--json").json
        #expect(report["reference"]?["layout"]?.string == "arrays")
        #expect(report["stages"]?.array?.last?["span"]?.array?.count == (status == 0 ? 0 : 4))
      }
    }
  }
}
