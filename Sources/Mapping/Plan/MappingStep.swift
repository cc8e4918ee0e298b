public import TensorFerryTensors

/// One application of a rule: named sources, what is done to them, and named results.
public struct MappingStep: Hashable, Sendable {
  /// Names in the source, or results of earlier steps, which begin with `$`.
  public let sources: [String]
  public let transforms: [TensorTransform]
  /// Names in the target, or such results.
  public let targets: [String]
  /// The types of the sources, and of what each transform makes of them; the last are those of the targets.
  public let types: [[TensorType]]
  /// Where the rule stands in its mapping file.
  public let place: Place?
  /// Why the step is as it is, where no rule in a file says so.
  public let reason: String?

  init(
    sources: [String], transforms: [TensorTransform], targets: [String], types: [[TensorType]], place: Place? = nil,
    reason: String? = nil
  ) {
    self.sources = sources
    self.transforms = transforms
    self.targets = targets
    self.types = types
    self.place = place
    self.reason = reason
  }

  /// The types of the targets.
  public var results: [TensorType] { types[types.count - 1] }

  /// The step with another transform at its end.
  ///
  /// - Throws: ``TransformMisfit`` if the transform does not take the results.
  func appending(_ transform: TensorTransform, reason: String? = nil) throws -> MappingStep {
    MappingStep(
      sources: sources, transforms: transforms + [transform], targets: targets,
      types: types + [try transform.results(of: results)], place: place, reason: reason ?? self.reason)
  }

  /// The transforms in words; empty if there are none.
  public var operations: String { transforms.map(\.description).joined(separator: ", ") }
}

extension String {
  /// True for the names of results that lead from one step to another.
  var isIntermediate: Bool { hasPrefix("$") }
}
