internal import TensorFerryOperators
internal import TensorFerryTensors

/// Collects, stage by stage, what is known of each element of each parameter.
struct IdentityProver {
  /// What is known of an element; of two stages that share it, the one that says more counts.
  enum Standing: UInt8, Comparable {
    case untold, unseen, zero, small, proven, different

    static func < (left: Standing, right: Standing) -> Bool { left.rawValue < right.rawValue }
  }

  struct Record {
    let shape: Shape
    var standings: [Standing]
    /// The largest difference that elements which are zero or small may have.
    var blur = 0.0
    var reasons: [String] = []
    var firstDifference: ParameterIdentity.Difference?
  }

  private let names: [String]
  private var records: [String: Record] = [:]
  private var norms: [NormEvidence] = []

  init(_ model: some Model, computed: [String: Double]) {
    names = model.graph.parameters.map(\.name)
    for parameter in model.graph.parameters {
      let count = parameter.shape.elementCount
      records[parameter.name] = Record(shape: parameter.shape, standings: Array(repeating: .untold, count: count))
    }
    for stage in model.graph.stages where !(stage.operation is Linear) {
      if let norm = NormEvidence(stage, model.parameters, computed) {
        norms.append(norm)
        continue
      }
      for case .parameter(let name) in stage.operands {
        records[name]?.reasons.append("not covered: \(type(of: stage.operation).id) is not linear in its parameters")
      }
    }
  }

  /// Takes the rows of the layer norms of one case.
  mutating func add(_ trace: ReferenceTrace, _ verifier: StageVerifier) throws {
    for index in norms.indices { try norms[index].add(trace, verifier) }
  }

  /// Notes why nothing is told of a layer's parameters.
  mutating func leave(_ layer: LinearLayer, _ reason: String) {
    for part in [layer.weight, layer.bias].compactMap({ $0 }) { note(reason, part.parameter) }
  }

  mutating func note(_ reason: String, _ parameter: String) {
    if records[parameter]?.reasons.contains(reason) == false { records[parameter]?.reasons.append(reason) }
  }

  mutating func add(
    _ layer: LinearLayer, _ evidence: LinearEvidence, _ design: Result<DesignMatrix, DesignMatrix.Failure>
  ) {
    guard layer.weightDifference == 0 else { return leave(layer, "computed from other tensors, not copied") }
    switch design {
    case .failure(let failure): leave(layer, failure.description)
    case .success(let design): judge(layer, evidence, design)
    }
  }

  private mutating func judge(_ layer: LinearLayer, _ evidence: LinearEvidence, _ design: DesignMatrix) {
    let error = ParameterError(design, evidence)
    if design.live.count < layer.features {
      let live = Set(design.live)
      let dead = (0..<layer.features).filter { !live.contains($0) }
      note(
        "input \(dead[0])\(dead.count > 1 ? " and \(dead.count - 1) others are" : " is") 0 in every row",
        layer.weight.parameter)
      update(layer.weight.parameter) { record in
        for j in 0..<layer.outputs {
          for feature in dead {
            let offset = layer.weight.start + j * layer.features + feature
            record.standings[offset] = max(record.standings[offset], .unseen)
          }
        }
      }
    }
    update(layer.weight.parameter) { record in
      for j in 0..<layer.outputs {
        for (unknown, feature) in design.live.enumerated() {
          let offset = unknown * layer.outputs + j
          record.judge(
            layer.weightValues[j * layer.features + feature], error.estimate[offset], error.radius[offset],
            at: layer.weight.start + j * layer.features + feature)
        }
      }
    }
    if let bias = layer.bias, let values = layer.biasValues {
      update(bias.parameter) { record in
        for j in 0..<layer.outputs {
          let offset = design.live.count * layer.outputs + j
          record.judge(values[j], error.estimate[offset], error.radius[offset], at: bias.start + j)
        }
      }
    }
  }

  mutating func update(_ parameter: String, _ change: (inout Record) -> Void) {
    guard var record = records.removeValue(forKey: parameter) else { return }
    change(&record)
    records[parameter] = record
  }

  /// In the model's order.
  var results: [ParameterIdentity] {
    var prover = self
    for norm in norms { prover.add(norm) }
    return prover.told
  }

  private var told: [ParameterIdentity] {
    names.compactMap { name in
      records[name].map { record in
        var result = ParameterIdentity(name, total: record.standings.count)
        var counts = [Int](repeating: 0, count: 6)
        for standing in record.standings { counts[Int(standing.rawValue)] += 1 }
        result.proven = counts[Int(Standing.proven.rawValue)]
        result.different = counts[Int(Standing.different.rawValue)]
        result.firstDifference = record.firstDifference
        let (zeros, small) = (counts[Int(Standing.zero.rawValue)], counts[Int(Standing.small.rawValue)])
        var reasons = result.proven + result.different + zeros + small == result.total ? [] : record.reasons
        let blur = Float(record.blur)
        if zeros > 0 { reasons.append("\(zeros) of value 0, where a difference of \(blur) is not seen") }
        if small > 0 { reasons.append("\(small) of tiny magnitude, where a difference of \(blur) is not seen") }
        result.reason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")
        return result
      }
    }
  }
}

extension IdentityProver.Record {
  /// Judges an element by an estimate of its difference from the reference's and the radius of what is certain.
  mutating func judge(_ value: Float, _ estimate: Double, _ radius: Double, at offset: Int) {
    // The signs of zeros are not told, whatever the radius.
    let spacing = value == 0 ? 0 : min(Double(value.nextUp) - Double(value), Double(value) - Double(value.nextDown))
    let reach = (estimate.magnitude + radius) * (1 + 0x1p-40)
    let standing: IdentityProver.Standing
    if estimate.magnitude > radius {
      standing = .different
      if firstDifference == nil {
        firstDifference = .init(
          index: shape.index(of: offset), ours: value, reference: Double(value) + estimate, radius: radius)
      }
    } else if reach < spacing {
      standing = .proven
    } else {
      standing = value == 0 ? .zero : .small
      blur = max(blur, reach)
    }
    standings[offset] = max(standings[offset], standing)
  }
}

extension DesignMatrix.Failure: CustomStringConvertible {
  var description: String {
    switch self {
    case .tooFewRows(let rows, let unknowns):
      "not identifiable: \(rows) rows do not tell \(unknowns) unknowns; record with probes"
    case .rank(let rank, let unknowns):
      "not identifiable: the rows have rank \(rank), and there are \(unknowns) unknowns; record with probes"
    case .conditioning(let contraction):
      "not identifiable: the rows are too close to dependent (residual \(contraction)); record with probes"
    case .range: "not identifiable: the inputs span too many orders of magnitude"
    case .tooLarge(let elements):
      "not tried: \(elements) values are needed, the limit is \(DesignMatrix.maximumElements)"
    }
  }
}
