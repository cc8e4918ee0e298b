import Foundation
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// The published JSON Schema of `tensorferry.verify/1` takes what is printed, and nothing else.
@Suite struct VerifySchemaTests {
  /// What the Python package jsonschema objects to in each value; empty where it takes it.
  private static func objections(_ values: [JSONValue]) throws -> [String] {
    let schema = Project.root.appending(path: "docs/reference/verify.schema.json").path
    return try withTemporaryDirectory { directory in
      let list = directory.appending(path: "values.json")
      try Data(JSONValue.array(values).text().utf8).write(to: list)
      let output = try python(
        """
        import json, sys, jsonschema
        with open(sys.argv[1]) as schema, open(sys.argv[2]) as values:
            schema, values = json.load(schema), json.load(values)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for value in values:
            print("; ".join(f"{error.json_path}: {error.message[:200]!r}" for error in validator.iter_errors(value)))
        """, [schema, list.path])
      return output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
  }

  @Test("reports of every kind are taken")
  func taken() throws {
    let reports = try ReportScene.allCases.map { try ReportScene.report($0) }
    #expect(Set(reports.map(\.verdict)).count >= 3)
    let objections = try Self.objections(reports.map(\.json))
    try #require(objections.count == reports.count)
    for (scene, objection) in zip(ReportScene.allCases, objections) { #expect(objection == "", "\(scene)") }
  }

  @Test("a report that lacks a member, has another one, or a value of another type is refused")
  func refused() throws {
    let json = try ReportScene.report(.clean).json
    let members = try #require(json.members)
    var wrong = members.filter { json.isRequired($0.key) }.map { member in
      JSONValue.object(members.filter { $0.key != member.key })
    }
    #expect(wrong.count == 13)
    wrong += [
      json.adding([.init("surprise", true)]), json.replacing("verdict", "PASSED"), json.replacing("compared", "many"),
      json.replacing("stages", .array([["name": "fc"]])), json.replacing("compared", JSONValue(-1)),
    ]
    for (value, objection) in zip(wrong, try Self.objections(wrong)) {
      #expect(objection != "", "\(value.members?.map(\.key) ?? [])")
    }
  }
}

extension JSONValue {
  func adding(_ more: [Member]) -> JSONValue { .object((members ?? []) + more) }

  func replacing(_ key: String, _ value: JSONValue) -> JSONValue {
    .object((members ?? []).map { $0.key == key ? Member(key, value) : $0 })
  }

  fileprivate func isRequired(_ key: String) -> Bool {
    !["coverage", "decisions", "budget", "self_test", "tolerance", "inputs", "configuration", "mapped"].contains(key)
  }
}
