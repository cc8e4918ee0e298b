/// Which tensors of a file become which of a model or of another file, decided from names, dtypes and shapes alone.
///
/// A plan is data: making it reads no byte of a tensor, and what is wrong with it is listed in ``problems``, all at
/// once. ``apply(to:)`` carries it out.
public struct MappingPlan: Sendable {
  /// In the order in which they can be carried out; their targets in the order of the result.
  public let steps: [MappingStep]
  /// The names that the plan takes, in the order of the file.
  public let sources: [String]
  /// The names of the result, in order.
  public let targets: [String]
  /// The model's sizes by name, as far as the shapes tell them.
  public let sizes: [String: Int]
  /// The prefix that was taken off every name, for example `model.module.`; empty if none was.
  public let prefix: String
  /// Tensors that a rule leaves out.
  public let dropped: [String]
  /// Tensors beside the state dict (optimizer state, epoch, ...), which are not used.
  public let ignored: [String]
  public let problems: [MappingProblem]
  /// The file that the state dict came from.
  public let file: String?
  /// The rules, if they were declared.
  public let mapping: WeightMapping?

  init(
    steps: [MappingStep], sources: [String], targets: [String], sizes: [String: Int] = [:], prefix: String = "",
    dropped: [String] = [],
    ignored: [String] = [], problems: [MappingProblem] = [], file: String? = nil, mapping: WeightMapping? = nil
  ) {
    self.steps = steps
    self.sources = sources
    self.targets = targets
    self.sizes = sizes
    self.prefix = prefix
    self.dropped = dropped
    self.ignored = ignored
    self.problems = problems
    self.file = file
    self.mapping = mapping
  }

  /// - Throws: ``MappingError`` with every problem, if there is one.
  public func check() throws {
    guard problems.isEmpty else { throw MappingError(file: file, mapping: mapping?.file, problems: problems) }
  }

  /// True if more is done than to find a model's own names, perhaps behind a prefix.
  public var isDeclared: Bool { mapping != nil || steps.contains { !$0.transforms.isEmpty } }

  /// A tensor of the result, its type, and the step that makes it.
  public struct Assignment: Sendable {
    public let target: String
    public let type: TensorType
    public let step: MappingStep
  }

  /// The tensors of the result, in its order.
  public var assignments: [Assignment] {
    var made: [String: Assignment] = [:]
    for step in steps {
      for (name, type) in zip(step.targets, step.results) {
        made[name] = Assignment(target: name, type: type, step: step)
      }
    }
    return targets.compactMap { made[$0] }
  }
}
