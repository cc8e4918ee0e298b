import Foundation
import TensorFerryMapping
import TensorFerryTestSupport
import Testing

/// The published JSON Schema of mapping files says what the reader takes.
@Suite struct MappingSchemaTests {
  /// Which of the texts the schema takes, as the Python package jsonschema judges.
  private func taken(_ texts: [String]) throws -> [Bool] {
    let schema = Project.root.appending(path: "docs/reference/mapping.schema.json").path
    return try withTemporaryDirectory { directory in
      let list = directory.appending(path: "texts.json")
      try JSONEncoder().encode(texts).write(to: list)
      let output = try python(
        """
        import json, sys, jsonschema, yaml
        with open(sys.argv[1]) as schema, open(sys.argv[2]) as texts:
            schema, texts = json.load(schema), json.load(texts)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for text in texts: print(int(validator.is_valid(yaml.safe_load(text))))
        """, [schema, list.path])
      return output.split(separator: "\n").map { $0 == "1" }
    }
  }

  private func isRead(_ text: String) -> Bool { (try? WeightMapping(text)) != nil }

  private func file(_ rule: String) -> String { "mapping: tensorferry.mapping/1\nrules:\n- \(rule)\n" }

  /// A rule with a transform, as documentation writes it: `transpose` or `permute: [1, 0]`.
  private func applying(_ transform: String) -> String {
    file("{to: a, from: b, apply: \(transform.contains(":") ? "{\(transform)}" : transform)}")
  }

  private func expect(_ texts: [String], _ verdict: Bool) throws {
    #expect(texts.count > 10)
    let taken = try taken(texts)
    try #require(taken.count == texts.count)
    for (text, isTaken) in zip(texts, taken) {
      #expect(isTaken == verdict, "the schema \(isTaken ? "takes" : "refuses")\n\(text)")
      #expect(isRead(text) == verdict, "the reader \(isRead(text) ? "takes" : "refuses")\n\(text)")
    }
  }

  @Test("what the page on mapping files shows is taken by the schema and by the reader")
  func page() throws {
    let path = "docs/reference/mapping-file.md"
    let page = try String(contentsOf: Project.root.appending(path: path), encoding: .utf8)
    let table = try #require(
      page.components(separatedBy: "\n## Transforms\n").last?.components(separatedBy: "\n## ")[0])
    let transforms = table.split(separator: "\n").filter { $0.hasPrefix("| `") }.flatMap { row in
      row.split(separator: "|")[0].split(separator: "`").filter { !$0.allSatisfy { " ,".contains($0) } }.map(
        String.init)
    }
    #expect(transforms.count > 15 && transforms.contains("split: {axis: 0, parts: 3}"), "\(transforms)")
    let blocks = try CodeBlock.all(in: path).filter { $0.language == "yaml" }.map(\.text)
    #expect(!blocks.isEmpty)
    try expect(blocks + transforms.map(applying), true)
  }

  @Test("every rule in our tests is taken by both or refused by both")
  func corpus() throws {
    var rules: Set<String> = []
    for folder in ["MappingTests", "CLITests"] {
      let root = Project.root.appending(path: "Tests/\(folder)")
      for path in FileManager.default.enumerator(atPath: root.path)?.compactMap({ $0 as? String }) ?? []
      where path.hasSuffix(".swift") {
        for line in try String(contentsOf: root.appending(path: path), encoding: .utf8).split(separator: "\n") {
          let line = line.drop { $0 == " " }
          if line.hasPrefix("- {"), line.hasSuffix("}"), !line.contains("\\") {
            rules.insert(String(line.dropFirst(2)))
          }
        }
      }
    }
    #expect(rules.count > 15)
    let texts = rules.sorted().map(file)
    for (text, isTaken) in zip(texts, try taken(texts)) {
      // How names are written is more than a schema can say.
      if text.contains("{to: \"{\", from: b}") { continue }
      #expect(isTaken == isRead(text), "the schema \(isTaken ? "takes" : "refuses")\n\(text)")
    }
  }

  @Test("forms of rules and of their members that are right")
  func right() throws {
    let head = "mapping: tensorferry.mapping/1\n"
    try expect(
      [
        head, head + "rules: []", head + "strip_prefix: module.", head + "strip_prefix: [a., b.]",
        head + "key: model\nlayout: output_first\ndtypes: {'**': F16, b: bf16}",
        #"{"mapping": "tensorferry.mapping/1", "rules": [{"keep": "**", "optional": false}]}"#,
        file("{to: a, from: [b, c], apply: [{concatenate: {axis: 1}}, transpose, {cast: F32}]}"),
        file("{to: [a, b], from: c, apply: share}"), file("{to: [a, b], from: c, apply: [split: {parts: 2}]}"),
        file("{to: z, constant: {value: -0.5, shape: []}}"),
        file("{to: z, constant: {value: 1, shape: [3], dtype: BF16}}"),
        file("{to: a, from: b, apply: []}"), applying("add: -2"), applying("scale: 0.25"), applying("batch_norm"),
        applying("batch_norm: {epsilon: 0}"), applying("weight_norm: -1"), applying("unstack"),
        applying("cast: [F32, F16]"), applying("reorder: {order: [1, 0]}"), applying("slice: {index: 0, of: 2}"),
      ], true)
  }

  @Test("forms that are wrong are refused by both")
  func wrong() throws {
    let head = "mapping: tensorferry.mapping/1\n"
    try expect(
      [
        "rules: []", "mapping: tensorferry.mapping/2", "[1]", "5", head + "layot: output_first",
        head + "layout: keras", head + "key: 3", head + "key: ''", head + "strip_prefix: 1", head + "strip_prefix: [1]",
        head + "rules: {}", head + "rules: [5]", head + "dtypes: []", head + "dtypes: {a: 3}",
        head + "dtypes: {a: F99}",
        file("{}"), file("{to: a}"), file("{from: a}"), file("{keep: 3}"), file("{drop: [a]}"),
        file("{keep: a, drop: b}"),
        file("{to: a, from: b, keep: c}"), file("{to: a, from: b, optional: 1}"), file("{to: a, from: b, form: c}"),
        file("{to: [], from: b}"), file("{to: a, from: []}"), file("{to: '', from: b}"), file("{keep: ''}"),
        file("{to: 3, from: b}"), file("{to: a, constant: 0}"), file("{to: a, constant: {value: 0}}"),
        file("{to: a, constant: {value: zero, shape: [1]}}"), file("{to: a, constant: {value: 0, shape: [-1]}}"),
        file("{to: a, constant: {value: 0, shape: [1], dtype: I64}}"),
        file("{to: a, constant: {value: 0, shape: [1], of: 1}}"),
        file("{to: [a, b], constant: {value: 0, shape: [1]}}"),
        applying("transposed"), applying("transpose: 1"), applying("permute: 1"), applying("permute"),
        applying("permute: [a]"), applying("reshape: [1.5]"), applying("slice: [1]"), applying("slice: {start: 1}"),
        applying("slice: {start: 1, end: 2, index: 0, of: 3}"), applying("split"), applying("split: {axis: 0}"),
        applying("split: {axis: 0, part: 3}"), applying("split: {parts: 2, sizes: [1, 1]}"),
        applying("split: {parts: two}"),
        applying("concatenate: one"), applying("stack: {axes: 0}"), applying("unstack: [0]"),
        applying("reorder: {axis: 0}"),
        applying("reorder_gates: {axis: 0, from: ifgo}"), applying("reorder_gates: ifgo"), applying("cast"),
        applying("cast: 3"), applying("cast: F99"), applying("cast: [F32, 3]"), applying("add: one"), applying("add"),
        applying("scale: [1]"), applying("batch_norm: 1"), applying("batch_norm: {epsilon: -1}"),
        applying("batch_norm: {eps: 1}"), applying("weight_norm: {}"), applying("concatenate: {}"),
        applying("share: 2"),
        file("{to: a, from: b, apply: {transpose: , add: 1}}"), file("{to: a, from: b, apply: [[transpose]]}"),
        file("{to: a, from: b, apply: 3}"), file("{to: a, from: b, apply: {}}"),
      ], false)
  }
}
