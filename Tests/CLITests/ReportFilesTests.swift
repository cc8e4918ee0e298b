import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// `verify --html` and `--junit`.
@Suite struct ReportFilesTests {
  private static let folder = Project.fixture("models/attention-classifier/positions")
  private static let files = ["weights.h5", "reference.h5"].map { folder.appending(path: $0).path }

  private func text(_ url: URL) throws -> String { try String(contentsOf: url, encoding: .utf8) }

  @Test("both files are written beside what is printed, and the same comparison writes the same bytes")
  func written() throws {
    try withTemporaryDirectory { directory in
      let plain = try tensorferry("verify", Self.files[0], Self.files[1])
      let urls = ["a.html", "a.xml", "b.html", "b.xml"].map { directory.appending(path: $0) }
      for pair in [urls[0...1], urls[2...3]] {
        let ran = try tensorferry(
          "verify", Self.files[0], Self.files[1], "--html", pair.first!.path, "--junit", pair.last!.path)
        #expect(ran.status == 0 && ran.output == plain.output, "\(ran.errors)")
      }
      #expect(try text(urls[0]).hasPrefix("<!DOCTYPE html>"))
      #expect(try text(urls[1]).hasPrefix("<?xml"))
      #expect(try text(urls[0]) == text(urls[2]))
      #expect(try text(urls[1]) == text(urls[3]))
    }
  }

  @Test("an existing file is refused before the work, and replaced with --force", arguments: ["--html", "--junit"])
  func existing(option: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "report")
      try Data("mine".utf8).write(to: url)
      let refused = try tensorferry("verify", Self.files[0], Self.files[1], option, url.path)
      #expect(refused.status == 2 && refused.errors.contains("--force"), "\(refused.errors)")
      #expect(refused.output.isEmpty)
      #expect(try text(url) == "mine")
      #expect(try tensorferry("verify", Self.files[0], Self.files[1], option, url.path, "--force").status == 0)
      #expect(try text(url) != "mine")
    }
  }

  @Test("one file for both is a usage error")
  func same() throws {
    let ran = try tensorferry("verify", Self.files[0], Self.files[1], "--html", "x", "--junit", "x")
    #expect(ran.status == 64)
  }

  @Test("a refuted model is written too, and the status stays 1")
  func refuted() throws {
    try withTemporaryDirectory { directory in
      let weights = directory.appending(path: "weights.h5")
      try python(
        """
        import shutil, sys, h5py
        shutil.copy(sys.argv[1], sys.argv[2])
        with h5py.File(sys.argv[2], "r+") as file: file["fc.weight"][3, 2] += 0.5
        """, [Self.files[0], weights.path])
      let urls = ["a.html", "a.xml"].map { directory.appending(path: $0) }
      let ran = try tensorferry(
        "verify", weights.path, Self.files[1], "--html", urls[0].path, "--junit", urls[1].path)
      #expect(ran.status == 1, "\(ran.errors)")
      #expect(try text(urls[0]).contains("MISMATCH_PROVEN"))
      #expect(try text(urls[1]).contains("<failure type=\"MismatchProven\""))
    }
  }

  @Test("what is printed as JSON is taken by the schema")
  func schema() throws {
    let ran = try tensorferry("verify", Self.files[0], Self.files[1], "--self-test", "--json")
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "report.json")
      try Data(ran.output.utf8).write(to: url)
      try python(
        """
        import json, sys, jsonschema
        with open(sys.argv[1]) as schema, open(sys.argv[2]) as report:
            jsonschema.validate(json.load(report), json.load(schema), jsonschema.Draft202012Validator)
        """, [Project.root.appending(path: "docs/reference/verify.schema.json").path, url.path])
    }
  }
}
