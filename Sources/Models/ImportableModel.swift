public import TensorFerryMapping
public import TensorFerryOperators
public import TensorFerryTensors

/// A model whose parameters come from a weight file.
///
/// The patterns are the one declaration of its parameters: the sizes that they name are the members of its
/// configuration, so that a state dict's shapes tell the configuration.
public protocol ImportableModel: Model {
  /// The parameters in PyTorch's names and layout, in the model's order.
  static var patterns: [ParameterPattern] { get }
}

extension ImportableModel {
  /// Plans which tensors of a state dict become the parameters; reads no tensor.
  ///
  /// - Parameters:
  ///   - state: a state dict, or a checkpoint that has one under a key.
  ///   - key: where the state dict is, for example `model`; nil finds it.
  /// - Returns: the plan with every problem; ``MappingPlan/check()`` throws them.
  public static func plan(importing state: StateDict, key: String? = nil) -> MappingPlan {
    MappingPlan(patterns, from: state, key: key)
  }

  /// Reads the tensors of a plan: all of them or none.
  ///
  /// - Throws: ``MappingError`` with every problem of the plan, ``TensorError`` or ``WeightFileError`` if a tensor
  ///   cannot be read.
  public init(_ plan: MappingPlan, _ state: StateDict) throws {
    try plan.check()
    try self.init(configuration: Self.configuration(of: plan), parameters: plan.tensors(from: state))
  }

  /// The configuration that the shapes of a plan without problems tell.
  private static func configuration(of plan: MappingPlan) throws -> Configuration {
    try Configuration(json: .object(plan.sizes.map { JSONValue.Member($0.key, JSONValue($0.value)) }))
  }

  /// The parameters of the patterns with the sizes of a configuration put in.
  static func parameters(with configuration: Configuration) throws -> [ParameterSpec] {
    let sizes = (configuration.json.members ?? []).compactMap { member in member.value.int.map { (member.key, $0) } }
    let values = Dictionary(sizes) { first, _ in first }
    return try patterns.map { try $0.spec(in: values) }
  }
}
