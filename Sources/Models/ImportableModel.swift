public import TensorFerryMapping
public import TensorFerryOperators
public import TensorFerryTensors

/// A model whose parameters come from a weight file.
///
/// The patterns are the one declaration of its parameters: the sizes that they name tell the configuration, together
/// with the names and with options for what neither tells.
public protocol ImportableModel: Model {
  /// The parameters in PyTorch's names and layout, in the model's order, for a state dict with these names.
  ///
  /// - Parameters:
  ///   - names: as they stand in the file, perhaps behind a prefix: they match by whole components from the right.
  ///   - options: the members of the configuration that names and shapes do not tell.
  static func patterns(for names: [String], options: JSONValue) -> [ParameterPattern]

  /// The configuration that the sizes from shapes, the names and the options tell.
  ///
  /// - Throws: ``ModelError`` with every option that is missing or wrong, and how to give it.
  static func configuration(sizes: [String: Int], names: [String], options: JSONValue) throws -> Configuration

  /// What names and shapes do not tell.
  static var options: [ModelOption] { get }

  /// Mappings from names and layouts that other frameworks give the same parameters, tried in order where the names in
  /// a file are not the model's own.
  static var mappings: [WeightMapping] { get }
}

/// A member of a configuration that names and shapes do not tell.
public struct ModelOption: Hashable, Sendable {
  public let name: String
  /// What it is if it is not given: PyTorch's default. Nil for what must be given.
  public let standard: JSONValue?

  public init(_ name: String, standard: JSONValue? = nil) {
    self.name = name
    self.standard = standard
  }
}

extension ImportableModel {
  public static var options: [ModelOption] { [] }
  public static var mappings: [WeightMapping] { [] }

  public static func configuration(
    sizes: [String: Int], names: [String], options: JSONValue
  ) throws -> Configuration {
    try configuration(told: sizes.sorted { $0.key < $1.key }.map { .init($0.key, JSONValue($0.value)) }, options)
  }

  /// Plans which tensors of a state dict become the parameters; reads no tensor.
  ///
  /// - Parameters:
  ///   - state: a state dict, or a checkpoint that has one under a key.
  ///   - key: where the state dict is, for example `model`; nil finds it.
  ///   - mapping: declared rules; nil takes the model's own names, or else one of ``mappings`` if it fits.
  ///   - options: the members of the configuration that names and shapes do not tell.
  /// - Returns: the plan with every problem; ``MappingPlan/check()`` throws them.
  public static func plan(
    importing state: StateDict, key: String? = nil, mapping: WeightMapping? = nil, options: JSONValue = [:]
  ) -> MappingPlan {
    func plan(by mapping: WeightMapping) -> MappingPlan {
      var mapping = mapping
      mapping.key = key ?? mapping.key
      return MappingPlan(mapping, from: state) { patterns(for: $0, options: options) }
    }
    if let mapping { return plan(by: mapping) }
    let names = key.map { key in state.names.filter { $0.hasPrefix(key + ".") } } ?? state.names
    let own = MappingPlan(patterns(for: names, options: options), from: state, key: key)
    guard !own.problems.isEmpty else { return own }
    return mappings.lazy.map(plan).first { $0.problems.isEmpty } ?? own
  }

  /// Takes the tensors of a plan: all of them or none.
  ///
  /// - Parameter mapsFile: whether float32 weights stay in their file, mapped, wherever it has them as they are: nothing is
  ///   copied, and processes that run the same model share the memory. The file must then be neither shortened nor
  ///   written to while the model lives; one that is replaced by another of the same name does no harm.
  /// - Throws: ``MappingError`` with every problem of the plan, ``ModelError`` with every option that is missing or
  ///   wrong, ``TensorError`` or ``WeightFileError`` if a tensor cannot be read.
  public init(
    _ plan: MappingPlan, _ state: StateDict, options: JSONValue = [:], mapsFile: Bool = true
  ) throws {
    let configuration = try Self.configuration(of: plan, options: options)
    try self.init(configuration: configuration, parameters: plan.tensors(from: state, mapsFile: mapsFile))
  }

  /// The configuration that a plan without problems and the options tell.
  ///
  /// - Throws: ``MappingError`` with every problem of the plan, ``ModelError`` with every option that is missing or
  ///   wrong.
  public static func configuration(of plan: MappingPlan, options: JSONValue = [:]) throws -> Configuration {
    try plan.check()
    return try configuration(sizes: plan.sizes, names: plan.targets, options: options)
  }

  /// The members that shapes and names tell, the options that are given, and the standards of those that are not.
  static func configuration(told: [JSONValue.Member], _ options: JSONValue) throws -> Configuration {
    var problems: [ModelError.Problem] = []
    var members = told
    for option in options.members ?? [] {
      guard let known = told.first(where: { $0.key == option.key }) else {
        members.append(option)
        continue
      }
      if known.value != option.value {
        let reason = "'\(option.key)' is \(option.value.text()), shapes and names tell \(known.value.text())"
        problems.append(.init(code: .invalidConfiguration, name: option.key, reason: "configuration: " + reason))
      }
    }
    for option in Self.options where !members.contains(where: { $0.key == option.name }) {
      if let standard = option.standard { members.append(.init(option.name, standard)) }
    }
    do {
      let configuration = try Configuration(json: .object(members))
      if problems.isEmpty { return configuration }
    } catch let error as ModelError {
      problems += error.problems.map { problem in
        guard Self.options.contains(where: { $0.name == problem.name }), options[problem.name] == nil else {
          return problem
        }
        let advice =
          "; names and shapes do not tell it, give it in the configuration: "
          + "--configuration '{\"\(problem.name)\": ...}'"
        return .init(code: problem.code, name: problem.name, reason: problem.reason + advice)
      }
    }
    throw ModelError(problems)
  }
}

extension [ParameterPattern] {
  /// The parameters of the patterns with the sizes put in, as a ``StageGraph`` declares them.
  ///
  /// - Throws: ``TensorError`` with code `.sizeOverflow` if a size is not given or a product of sizes overflows.
  public func specs(in sizes: [String: Int]) throws -> [ParameterSpec] { try map { try $0.spec(in: sizes) } }
}

/// What can be asked of the names in a file, which may stand behind a prefix.
struct NameSuffixes {
  /// Every name, and what is left of it without its first components.
  private let suffixes: Set<String>

  init(_ names: [String]) {
    var suffixes: Set<String> = []
    for name in names {
      suffixes.insert(name)
      var rest = name[...]
      while let dot = rest.firstIndex(of: ".") {
        rest = rest[rest.index(after: dot)...]
        suffixes.insert(String(rest))
      }
    }
    self.suffixes = suffixes
  }

  func contains(_ name: String) -> Bool { suffixes.contains(name) }
}
