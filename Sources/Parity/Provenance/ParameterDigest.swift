internal import TensorFerryFormats
internal import TensorFerryOperators
internal import TensorFerryTensors

/// The SHA-256 of a parameter's bytes: what the manifest of a reference lists, and what the model has.
///
/// A hash proves nothing that the stages do not: it neither shows how far bytes differ nor whether they are used
/// rightly. It tells at once whether a difference comes from the parameters or from the arithmetic.
public struct ParameterDigest: Hashable, Sendable {
  public let parameter: String
  public let recorded: String
  public let ours: String

  public var isEqual: Bool { recorded == ours }
}

extension ReferenceBundle {
  /// Of the parameters that the manifest lists as float32, in the model's order, without those that were computed.
  func digests(of model: some Model, computed: [String: Double]) throws -> [ParameterDigest] {
    try model.graph.parameters.compactMap { spec in
      guard computed[spec.name] == nil, let facts = manifest["parameters"]?[spec.name],
        facts["dtype"]?.string == DType.f32.rawValue, let recorded = facts["sha256"]?.string,
        let view = model.parameters[spec.name]
      else { return nil }
      let tensor = LazyTensor(try Tensor(view.values, shape: view.shape))
      return ParameterDigest(parameter: spec.name, recorded: recorded, ours: try tensor.sha256())
    }
  }
}

extension ParityReport {
  /// Whether the parameters have the bytes that the manifest lists; said if that helps.
  var digestRemarks: [String] {
    let others = digests.filter { !$0.isEqual }
    if let first = others.first {
      let more = others.count == 1 ? "" : ", and \(others.count - 1) others"
      return [
        "\(others.count) of \(digests.count) parameters have other bytes than the manifest lists: \(first.parameter) "
          + "(SHA-256 \(first.recorded.prefix(8).escaped)... there, \(first.ours.prefix(8))... here\(more))"
      ]
    }
    guard verdict == .mismatchProven, !digests.isEmpty else { return [] }
    return [
      "all \(digests.count) parameters have the bytes that the manifest lists: the arithmetic differs, or the values"
    ]
  }

  /// Null if the manifest lists none.
  var digestJSON: JSONValue {
    digests.isEmpty
      ? .null
      : .array(
        digests.map {
          ["parameter": .string($0.parameter), "recorded": .string($0.recorded), "ours": .string($0.ours)]
        })
  }
}

extension Substring {
  fileprivate var escaped: String { String(self).escapedForDisplay }
}
