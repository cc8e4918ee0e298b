internal import TensorFerryTensors

extension ParityReport {
  /// One object for each parameter, or null if identity was not asked for.
  var identityJSON: JSONValue { identity.isEmpty ? .null : .array(identity.map(\.json)) }

  /// The sum of all parameters, and the one that is told worst; or nothing.
  var identityLine: [String] {
    guard !identity.isEmpty else { return [] }
    let (proven, total) = (identity.map(\.proven).reduce(0, +), identity.map(\.total).reduce(0, +))
    let head = "identity: \(proven) of \(total) parameters are proven equal bit for bit"
    if let other = identity.first(where: { $0.different > 0 }), let first = other.firstDifference {
      return [
        "\(head), \(other.different) of '\(other.parameter)' to differ: \(first.index) is \(first.ours) "
          + "and \(Float(first.reference)) in the reference"
      ]
    }
    let open = identity.filter { $0.reason != nil }
    guard let worst = open.max(by: { $0.proven * $1.total > $1.proven * $0.total }), let reason = worst.reason else {
      return [head]
    }
    return [
      "\(head); '\(worst.parameter)' \(worst.proven) of \(worst.total): \(reason)"
        + (open.count > 1 ? " (and \(open.count - 1) other tensors)" : "")
    ]
  }
}

extension ParameterIdentity {
  fileprivate var json: JSONValue {
    [
      "parameter": .string(parameter),
      "proven": JSONValue(proven),
      "different": JSONValue(different),
      "total": JSONValue(total),
      "reason": JSONValue(reason),
      "first_difference": firstDifference?.json ?? .null,
    ]
  }
}

extension ParameterIdentity.Difference {
  fileprivate var json: JSONValue {
    [
      "at": .array(index.map { JSONValue($0) }),
      "ours": .number(Double(ours)),
      "reference": .number(reference),
      "radius": .number(radius),
    ]
  }
}
