public import TensorFerryTensors

/// Whether a folded model's results lie inside the rounding bound of the faithful model.
public struct FoldingCertificate: Hashable, Sendable {
  /// How many values were compared.
  public let compared: Int
  /// The largest difference from the faithful model in Double, and its bound.
  public let difference: Double
  public let bound: Double
  /// The highest ratio of a difference to its bound; NaN if one of them is not finite.
  public let utilisation: Double

  /// A NaN is no proof.
  public var holds: Bool { compared > 0 && utilisation <= 1 }
}

extension FoldedModel {
  /// Compares the results for these inputs with those of the faithful model in Double, within what rounding in a whole
  /// float32 pass of the faithful model may do.
  ///
  /// - Throws: as ``Model/run(_:)``; ``ModelError`` with code `.notFoldable` if an operator of the model does not tell what
  ///   errors of its operands do, so that there is no bound.
  /// - Complexity: a pass of the faithful model in Double, in plain loops, and its bound.
  public func certificate(on inputs: [String: Tensor]) throws -> FoldingCertificate {
    try certificate(of: output(inputs), on: inputs)
  }

  /// Runs the folded graph and gives the results if the certificate holds for them.
  ///
  /// - Throws: as ``certificate(on:)``; ``ModelError`` with code `.outsideBound` if it does not hold.
  public func certified(_ inputs: [String: Tensor]) throws -> (output: Tensor, certificate: FoldingCertificate) {
    let output = try output(inputs)
    let certificate = try certificate(of: output, on: inputs)
    guard certificate.holds else {
      throw ModelError(
        .outsideBound,
        certificate.utilisation.isNaN
          ? "folded, the model gives values that are not finite, or too large for any bound: nothing shows them right"
          : "folded, the model is off by \(certificate.difference), rounding explains \(certificate.bound)",
        name: graph.output)
    }
    return (output, certificate)
  }

  private func certificate(of output: Tensor, on inputs: [String: Tensor]) throws -> FoldingCertificate {
    let graph = faithful.graph
    let single = try graph.values(of: inputs).merging(faithful.parameters.map { (.parameter($0.key), $0.value) }) { $1 }
    let exact = try graph.evaluate(single.mapValues { try $0.widened() })
    let (bounds, unknown) = try graph.boundOfOutput(exact) { _ in .float32 }
    guard let bounds else {
      throw ModelError(
        .notFoldable, "stage '\(unknown?.name ?? graph.output)' does not tell what errors of its operands do",
        name: graph.output)
    }
    let (results, oracle) = (try output.floats(), exact[.stage(graph.output)]!.values)
    var worst = (difference: 0.0, bound: 0.0, utilisation: 0.0)
    for (index, bound) in bounds.values.enumerated() {
      let difference = abs(Double(results[index]) - oracle[index])
      let utilisation = bound.isFinite ? (difference == 0 ? 0 : difference / bound) : .nan
      if !(utilisation <= worst.utilisation) { worst = (difference, bound, utilisation) }
      if utilisation.isNaN { break }
    }
    return FoldingCertificate(
      compared: results.count, difference: worst.difference, bound: worst.bound, utilisation: worst.utilisation)
  }
}
