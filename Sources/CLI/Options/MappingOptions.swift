internal import ArgumentParser
internal import TensorFerry

/// Which declared rules lead from the tensors of the file to those that are wanted.
struct MappingOptions: ParsableArguments {
  @Option(help: "Map the tensors by the rules of this file, see docs/reference/mapping-file.md.")
  var map: String?

  /// The mapping of the file, or nil if none was named.
  func read() throws -> WeightMapping? { try map.map { try WeightMapping(path: $0) } }

  /// Refuses to compute with packed weights, whose numbers mean nothing alone.
  static func checkPacked(_ plan: MappingPlan, _ state: StateDict) throws {
    for packed in PackedWeights.find(in: state) {
      let names = Set(packed.names)
      for step in plan.steps where step.transforms.contains(where: \.computes) {
        guard let name = step.sources.first(where: names.contains) else { continue }
        throw MappingError(
          file: state.origin?.path, mapping: plan.mapping?.file,
          problems: [
            .init(
              .transform, source: name,
              "'\(name.escapedForDisplay)' belongs to \(packed.scheme): \(step.operations) would change what it means",
              place: step.place)
          ])
      }
    }
  }

  /// The plan that undoes the mapping by which a model file was made; nil if its names were the model's own.
  func recordedInverse(in state: StateDict) throws -> MappingPlan? {
    guard let recorded = try MappingPlan(recordedIn: state) else {
      guard state.metadata("model") == nil else { return nil }
      throw WeightFileError(
        .malformed, "there is no mapping to undo: it is not a model file that 'import' wrote", file: state.origin?.path)
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
