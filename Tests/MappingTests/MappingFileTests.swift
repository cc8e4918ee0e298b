import TensorFerryMapping
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct MappingFileTests {
  static let everything = """
    mapping: tensorferry.mapping/1
    key: model
    strip_prefix: [module., _orig_mod.]
    layout: input_first
    rules:
    - {to: "layers.{i}.weight", from: "block_{i}.kernel", apply: transpose}
    - to: [q, k, v]
      from: qkv
      apply:
      - {split: {axis: 0, parts: 3}}
      - cast: f32
    - {to: a, from: [g, v], apply: weight_norm, optional: true}
    - {keep: "**.bias"}
    - {drop: "optimizer.**"}
    - {to: zero, constant: {value: 0, shape: [3, 1]}}
    dtypes: {"**.weight": BF16}
    """

  @Test("YAML and JSON say the same, and what is written is read again")
  func roundTrip() throws {
    let mapping = try WeightMapping(Self.everything)
    #expect(mapping.rules.count == 6)
    #expect(mapping.key == "model" && mapping.strippedPrefixes == ["module.", "_orig_mod."])
    #expect(mapping.layout == .inputFirst)
    for text in [mapping.text, mapping.json.text(), mapping.json.text(pretty: true)] {
      #expect(try WeightMapping(text).json == mapping.json)
    }
  }

  @Test("every mistake is told, each with its line and column")
  func mistakes() throws {
    let text = """
      mapping: tensorferry.mapping/2
      layot: keras
      rules:
      - {to: a, from: b, apply: transposed}
      - {to: a}
      - {to: "{", from: b}
      - {to: a, from: b, apply: {split: {axis: 0, part: 3}}}
      - {keep: 3}
      - {to: a, from: b, apply: {slice: [1]}}
      - 5
      """
    let error = #expect(throws: MappingError.self) { try WeightMapping(text, file: "m.yaml") }
    let places = error?.problems.map { $0.place?.description ?? "" } ?? []
    #expect(
      places == [
        "line 1, column 10", "line 2, column 1", "line 4, column 27", "line 5, column 3", "line 6, column 8",
        "line 7, column 45", "line 8, column 10", "line 9, column 35", "line 10, column 3",
      ])
    #expect(error?.problems.allSatisfy { $0.code == .syntax } == true)
    #expect(error?.problems[1].suggestion == "did you mean 'layout'?")
    #expect(error?.problems[2].suggestion == "did you mean 'transpose'?")
    #expect(error?.description.contains("by m.yaml: 9 problems") == true)
  }

  @Test(
    "a text that is no mapping is refused with one problem",
    arguments: [
      "", "[1, 2]", "mapping: tensorferry.mapping/1\nrules: [", "a: 1\na: 2", "\u{0}", "rules: []",
      String(repeating: "[", count: 100_000), "{a: *x}",
      "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        + "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]",
      String(repeating: "a:\n ", count: 70) + "b",
    ])
  func refused(text: String) {
    let error = #expect(throws: MappingError.self) { try WeightMapping(text) }
    #expect(error?.problems.contains { $0.code == .syntax } == true)
  }

  @Test("what YAML 1.1 takes for a truth value or a number is a text here")
  func texts() throws {
    let mapping = try WeightMapping(
      "{mapping: tensorferry.mapping/1, rules: [{to: no, from: yes}, {to: 1_0, from: on}]}")
    #expect(mapping.rules[0].json == ["to": "no", "from": "yes"])
    #expect(mapping.rules[1].json == ["to": "1_0", "from": "on"])
  }
}
