import TensorFerryMapping
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct ParameterSchemaTests {
  @Test("a schema declares names, shapes with named sizes, types and layouts")
  func schema() throws {
    let json = try JSONValue(
      parsing: """
        {"schema": "tensorferry.parameters/1", "parameters": [
          {"name": "w", "shape": ["out", 3], "dtypes": ["F16"], "layout": "input_first"}, {"name": "b", "shape": ["out"]}]}
        """)
    let patterns = try ParameterSchema(json: json).patterns
    #expect(
      patterns == [
        ParameterPattern("w", ["out", 3], dtypes: [.f16], layout: .inputFirst), ParameterPattern("b", ["out"]),
      ])
  }

  @Test("everything that is wrong with a schema is told at once")
  func mistakes() throws {
    let json = try JSONValue(
      parsing: """
        {"parameters": [{"shape": []}, {"name": "a"}, {"name": "b", "shape": [-1]}, {"name": "c", "shape": [], "dtypes": []},
          {"name": "d", "shape": [], "layout": "x"}, {"name": "e", "shape": []}, {"name": "e", "shape": []}]}
        """)
    let error = #expect(throws: MappingError.self) { try ParameterSchema(json: json) }
    #expect(error?.problems.count == 7)
    #expect(error?.problems.last?.code == .collision)
    #expect(throws: MappingError.self) { try ParameterSchema(json: ["schema": "tensorferry.parameters/1"]) }
  }
}
