internal import TensorFerryFormats
internal import TensorFerryOperators
internal import TensorFerryTensors

extension ParityReport {
  /// The files, the configuration and whether there was a mapping; or nothing.
  var proofMembers: [JSONValue.Member] {
    guard let proof else { return [] }
    let inputs = proof.inputs.map { input -> JSONValue in
      ["role": .string(input.role.rawValue), "file": .string(input.file), "sha256": .string(input.sha256)]
    }
    return [
      .init("inputs", .array(inputs)), .init("configuration", proof.configuration),
      .init("mapped", .bool(proof.isMapped)),
    ]
  }
}

extension ReferenceBundle {
  /// The SHA-256 of the file, or of all files that the values lie in; empty for a bundle that is in memory.
  public func inputs() throws -> [ParityReport.Proof.Input] {
    guard let file else { return [] }
    let tensors = cases.flatMap { entry in
      Array(entry.inputs.values) + entry.stages.values.flatMap { [$0.float32, $0.float64].compactMap { $0 } }
    }
    return try FileHash.all(of: file, holding: tensors + (probes.map { Array($0.results.values) } ?? [])).map {
      .init(role: .reference, file: $0.path, sha256: $0.sha256)
    }
  }
}

extension Rounding {
  /// What a bound is made of, so that it can be computed again.
  var json: JSONValue {
    [
      "unit": .number(unit),
      "least_nonzero": .number(leastNonzero),
      "least_normal": .number(leastNormal),
      "exp_ulps": .number(expUlps),
      "erf_units": .number(erfUnits),
      "depth": depth.map { JSONValue($0) } ?? .null,
      "weight_difference": .number(weightDifference),
    ]
  }
}
