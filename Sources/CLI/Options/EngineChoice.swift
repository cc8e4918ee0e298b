internal import ArgumentParser
internal import TensorFerry

/// How `predict` computes.
enum EngineChoice: String, CaseIterable, ExpressibleByArgument {
  case faithful
  case folded

  /// What each stage computed; the folded engine gives the output alone, with its certificate.
  ///
  /// - Throws: ``ModelError`` with code `.notFoldable` or `.outsideBound` if the folded engine cannot be trusted.
  func run(
    _ model: some Model, _ inputs: [String: Tensor]
  ) throws -> (stages: [String: Tensor], certificate: FoldingCertificate?) {
    guard self == .folded else { return (try model.run(inputs), nil) }
    let (output, certificate) = try FoldedModel(model, inputs: inputs.mapValues(\.shape)).certified(inputs)
    return ([model.graph.output: output], certificate)
  }
}
