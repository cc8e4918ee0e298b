public import TensorFerryOperators
internal import TensorFerryTensors

/// How much of the difference in one element of the output each stage caused.
///
/// The oracle runs once for each stage: up to that stage it is given the reference's values, and computes the rest. From
/// one run to the next the output moves by what the stage contributes, and all contributions add up to the difference
/// between the reference and the oracle.
public struct Budget: Hashable, Sendable {
  public struct Share: Hashable, Sendable {
    public let stage: String
    /// The contribution to the difference, with its sign.
    public let contribution: Double
    /// The largest contribution to any element of the output in any case, without its sign.
    public let largest: Double
  }

  /// The element whose difference is the largest.
  public let caseName: String
  public let index: [Int]
  /// The reference's value less the oracle's.
  public let total: Double
  /// In the order of the stages.
  public let shares: [Share]
}

extension ReferenceBundle {
  /// The most stages for which a budget is drawn up: its cost grows with the square of their number.
  public static var longestBudget: Int { 64 }

  /// Splits the largest difference in the output, in float32, among the stages.
  ///
  /// - Returns: nil if there are more than ``longestBudget`` stages, if a stage is not recorded in float32, or if the
  ///   outputs are not finite.
  /// - Throws: what ``verify(_:computed:)`` throws.
  /// - Complexity: at most half as many passes of the model in Double as it has stages, for each case.
  public func budget(of model: some Model) throws -> Budget? {
    let graph = model.graph
    guard graph.stages.count <= Self.longestBudget else { return nil }
    let parameters = try verifier(of: model, computed: [:]).float64
    var worst: (caseName: String, index: [Int], total: Double, contributions: [Double])?
    var largest = [Double](repeating: 0, count: graph.stages.count)
    for entry in cases {
      let trace = try trace(of: entry, graph)
      guard graph.stages.allSatisfy({ trace.float32[.stage($0.name)] != nil }) else { return nil }
      let outputs = try graph.outputs(replacing: trace.float32.mapValues { try $0.widened() }, parameters)
      let (exact, reference) = (outputs[0], outputs[outputs.count - 1])
      guard (exact + reference).allSatisfy(\.isFinite) else { return nil }
      let shape = trace.shapes[graph.output]!
      for element in exact.indices {
        let contributions = (1..<outputs.count).map { outputs[$0][element] - outputs[$0 - 1][element] }
        for (stage, contribution) in contributions.enumerated() {
          largest[stage] = max(largest[stage], abs(contribution))
        }
        let total = reference[element] - exact[element]
        if worst.map({ abs(total) > abs($0.total) }) ?? true {
          worst = (entry.name, shape.index(of: element), total, contributions)
        }
      }
    }
    return worst.map { worst in
      Budget(
        caseName: worst.caseName, index: worst.index, total: worst.total,
        shares: graph.stages.indices.map {
          .init(stage: graph.stages[$0].name, contribution: worst.contributions[$0], largest: largest[$0])
        })
    }
  }
}

extension StageGraph {
  /// The output where the first 0, 1, ... stages have the recorded values and the oracle computes the others.
  fileprivate func outputs(
    replacing recorded: [ValueName: ArrayView<Double>], _ parameters: [ValueName: ArrayView<Double>]
  ) throws -> [[Double]] {
    var values = parameters.merging(recorded) { $1 }
    values = try evaluate(values)
    var outputs = [values[.stage(output)]!.values]
    var workspace = Workspace()
    for (index, stage) in stages.enumerated() {
      values[.stage(stage.name)] = recorded[.stage(stage.name)]!
      var moved: Set<ValueName> = [.stage(stage.name)]
      for later in stages[(index + 1)...] where later.operands.contains(where: moved.contains) {
        moved.insert(.stage(later.name))
        values[.stage(later.name)] = try later.evaluate(later.operands.map { values[$0]! }, &workspace)
      }
      outputs.append(values[.stage(output)]!.values)
    }
    return outputs
  }
}
