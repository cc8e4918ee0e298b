public import TensorFerryTensors

/// Parameters that are declared in a file, for targets that are no model here.
///
///     {"schema": "tensorferry.parameters/1",
///      "parameters": [{"name": "fc.weight", "shape": ["hidden", 7], "dtypes": ["F32"], "layout": "output_first"}]}
///
/// A text in a shape names a size, which is the same wherever it stands; `dtypes` and `layout` may be left out.
public struct ParameterSchema: Sendable {
  public static let schema = "tensorferry.parameters/1"

  public let patterns: [ParameterPattern]

  /// The parameters that a state dict has: its names and shapes.
  public init(of state: StateDict) {
    patterns = state.map {
      ParameterPattern(
        $0.name, $0.tensor.shape.dimensions.map(ParameterPattern.Dimension.fixed), dtypes: [$0.tensor.dtype])
    }
  }

  /// - Throws: ``MappingError`` with everything that is wrong with the schema.
  public init(json: JSONValue, file: String? = nil) throws {
    var problems: [MappingProblem] = []
    if json["schema"]?.string != Self.schema { problems.append(.init(.syntax, "'schema' is not '\(Self.schema)'")) }
    var patterns: [ParameterPattern] = []
    for (index, value) in (json["parameters"]?.array ?? []).enumerated() {
      do {
        patterns.append(try ParameterPattern(json: value))
      } catch {
        problems.append(.init(.syntax, "parameter \(index): \(error)"))
      }
    }
    if json["parameters"]?.array == nil { problems.append(.init(.syntax, "'parameters' is not a list")) }
    for (name, same) in Dictionary(grouping: patterns, by: \.name).sorted(by: { $0.key < $1.key }) where same.count > 1
    {
      problems.append(.init(.collision, parameter: name, "'\(name.escapedForDisplay)' is declared \(same.count) times"))
    }
    guard problems.isEmpty else { throw MappingError(file: file, problems: problems) }
    self.patterns = patterns
  }
}

extension ParameterPattern {
  fileprivate init(json: JSONValue) throws {
    guard let name = json["name"]?.string, !name.isEmpty else { throw PatternError("'name' is missing") }
    let shape = try (json["shape"]?.array).map { values in
      try values.map { value -> Dimension in
        if let size = value.string { return .size(size) }
        if let count = value.int, count >= 0 { return .fixed(count) }
        throw PatternError("'\(name.escapedForDisplay)': \(value.text()) is no dimension")
      }
    }
    guard let shape else { throw PatternError("'\(name.escapedForDisplay)': 'shape' is missing") }
    var dtypes: Set<DType> = [.f32, .f16, .bf16]
    if let names = json["dtypes"]?.array {
      dtypes = Set(names.compactMap { $0.string.flatMap(DType.init) })
      guard dtypes.count == names.count, !dtypes.isEmpty else {
        throw PatternError("'\(name.escapedForDisplay)': 'dtypes' holds what is no element type")
      }
    }
    let layout = json["layout"]?.string.flatMap(ParameterLayout.init)
    if let given = json["layout"], given != .null, layout == nil {
      throw PatternError("'\(name.escapedForDisplay)': the layout \(given.text()) is not known")
    }
    self.init(name, shape, dtypes: dtypes, layout: layout)
  }
}
