public import TensorFerryTensors

extension ReferenceBundle {
  /// The float64 results of linear stages for rows that are not stored, but made from a seed.
  public struct Probes: Sendable {
    public let seed: UInt64
    /// By the name of the stage.
    public let results: [String: LazyTensor]

    /// Nil if the bundle has none.
    init?(_ state: StateDict, _ file: String?) throws {
      var results: [String: LazyTensor] = [:]
      for element in state where element.name.hasPrefix("probes.") {
        let (name, tensor) = (element.name, element.tensor)
        let stage = name.dropFirst("probes.".count).dropLast(".f64".count)
        guard name.hasSuffix(".f64"), !stage.isEmpty else { throw ReferenceBundle.unexpected(name, file) }
        guard tensor.dtype == .f64 else {
          throw ParityError(.wrongType, "must be F64, it is \(tensor.dtype.rawValue)", file: file, tensor: name)
        }
        results[String(stage)] = tensor
      }
      guard !results.isEmpty else { return nil }
      let description = try ReferenceBundle.object("probes", state, file)
      let generator = description["generator"]
      guard generator?.string == ProbeInputs.generator else {
        let found = generator.map { ($0.string ?? $0.text()).escapedForDisplay } ?? "missing"
        throw ParityError(
          .invalidMetadata, "the generator of the probes is \(found), known is '\(ProbeInputs.generator)'", file: file)
      }
      guard let seed = description["seed"]?.int, (0..<1 << 53).contains(seed) else {
        throw ParityError(
          .invalidMetadata,
          "the seed of the probes is \(description["seed"]?.text() ?? "missing"), "
            + "a whole number from 0 to \((1 << 53) - 1) is needed", file: file)
      }
      self.seed = UInt64(seed)
      self.results = results
    }
  }
}
