internal import ArgumentParser
internal import TensorFerry

/// Which declared rules lead from the tensors of the file to those that are wanted.
struct MappingOptions: ParsableArguments {
  @Option(help: "Map the tensors by the rules of this file, see docs/reference/mapping-file.md.")
  var map: String?

  /// The mapping of the file, or nil if none was named.
  func read() throws -> WeightMapping? { try map.map { try WeightMapping(path: $0) } }

  /// The plan that undoes the mapping by which a model file was made.
  func recordedInverse(in state: StateDict) throws -> MappingPlan {
    guard let recorded = try MappingPlan(recordedIn: state) else {
      throw WeightFileError(
        .malformed, "it records no plan to undo: only files that 'import' wrote have one", file: state.origin?.path)
    }
    let (plan, losses) = recorded.inverse()
    guard losses.isEmpty else {
      throw MappingError(
        file: state.origin?.path,
        problems: losses.map { .init(.transform, "cannot be undone: \($0)", suggestion: nil) })
    }
    return plan
  }
}
