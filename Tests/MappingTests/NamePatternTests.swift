import TensorFerryMapping
import TensorFerryTestSupport
import Testing

@Suite struct NamePatternTests {
  @Test(
    "a pattern matches whole parts of a name and nothing else",
    arguments: [
      ("a.{i}.b", "a.3.b", ["i": "3"]), ("a.{i}.b", "a.x.b", ["i": "x"]), ("a.{i}.b", "a.b", nil),
      ("a.{i}.b", "a.1.2.b", nil), ("{p...}.b", "x.y.b", ["p": "x.y"]),
      ("a.{p...}.b.{k}", "a.x.y.b.z", ["p": "x.y", "k": "z"]),
      ("{p...}.b", "b", nil), ("block_{i}.w", "block_12.w", ["i": "12"]), ("block_{i}.w", "block_x.w", nil),
      ("v_proj.weight", "qkv_proj.weight", nil), ("{i}.{i}", "1.1", ["i": "1"]), ("{i}.{i}", "1.2", nil),
      ("a{{b}}", "a{b}", [:]), ("a.é", "a.e\u{301}", nil), ("{i}", "", nil),
    ] as [(String, String, [String: String]?)])
  func matches(pattern: String, name: String, expected: [String: String]?) throws {
    #expect(try NamePattern(pattern).match(name) == expected)
  }

  @Test("what a pattern took apart it puts together", arguments: ["a.{i}.b", "{p...}.b", "block_{i}.{{x}}", "a..b"])
  func roundTrip(pattern: String) throws {
    let bindings = ["i": "7", "p": "x.y"]
    let name = try #require(try NamePattern(pattern).name(with: bindings))
    #expect(try NamePattern(pattern).match(name)?.allSatisfy { bindings[$0.key] == $0.value } == true)
  }

  @Test(
    "a text that is no pattern is refused",
    arguments: ["", "a.{", "a.}", "a.{}", "{i}{j}", "{a...}.{b...}", "x{a...}", "{1}", "{a b}"])
  func refused(pattern: String) {
    #expect(throws: PatternError.self) { try NamePattern(pattern) }
  }
}
