internal import TensorFerryOperators
internal import TensorFerryTensors

/// The parameters that the reference's linear stage was made with, solved from its rows.
struct LinearSolution {
  /// The most work, in products, of a factorisation.
  static let maximumProducts = 20_000_000_000

  let kind: Certificate.Kind
  let rows: Int
  let unknowns: Int
  /// `outputs x features`, the weights of the reference less ours, and how far that may be off; 0 and infinite for the
  /// features that are 0 in every row.
  private(set) var weight: [Double]
  private(set) var weightRadius: [Double]
  private(set) var bias: [Double]?
  private(set) var biasRadius: [Double]?

  /// From the strongest rows that determine the parameters.
  ///
  /// - Returns: nil with a reason if none do.
  static func solve(_ replay: LinearReplay) -> Result<LinearSolution, Unsolved> {
    var failure = Unsolved.reason("there are no rows")
    let order: [LinearSample?] = [
      replay.samples.first { $0.isProbe }, joined(replay, .weights), joined(replay, .reference),
    ]
    for sample in order.compactMap({ $0 }) {
      let (unknowns, layer) = (sample.features + 1, replay.layer)
      guard sample.rows <= maximumProducts / unknowns / unknowns else {
        failure = .reason("not tried: \(sample.rows) rows of \(unknowns) unknowns are too many")
        continue
      }
      do throws(DesignMatrix.Failure) {
        let design = try DesignMatrix(
          sample.inputs, rows: sample.rows, features: sample.features, hasBias: layer.bias != nil,
          unit: sample.rounding.unit)
        return .success(LinearSolution(design, sample, layer))
      } catch {
        failure = .reason(error.description)
      }
    }
    return .failure(failure)
  }

  struct Unsolved: Error {
    let reason: String
    static func reason(_ text: String) -> Unsolved { Unsolved(reason: text) }
  }

  /// As many rows of one kind as help.
  private static func joined(_ replay: LinearReplay, _ kind: Certificate.Kind) -> LinearSample? {
    let parts = replay.samples.filter { $0.kind == kind && !$0.isProbe }
    guard var all = parts.first else { return nil }
    let most = 4 * (all.features + 1)
    for part in parts.dropFirst() where all.rows < most {
      all.inputs += part.inputs
      all.recorded += part.recorded
    }
    let finite = (0..<all.rows).filter { row in
      all.inputs[row * all.features..<(row + 1) * all.features].allSatisfy(\.isFinite)
        && all.recorded[row * all.outputs..<(row + 1) * all.outputs].allSatisfy(\.isFinite)
    }
    return all.picking(Array(finite.prefix(most)))
  }

  private init(_ design: DesignMatrix, _ sample: LinearSample, _ layer: LinearLayer) {
    let evidence = LinearEvidence(
      inputs: sample.inputs, recorded: sample.recorded, weight: layer.weightValues.map(Double.init),
      bias: layer.biasValues?.map(Double.init), outputs: layer.outputs, rounding: sample.rounding)
    let error = ParameterError(design, evidence)
    (kind, rows, unknowns) = (sample.kind, sample.rows, design.unknowns)
    weight = Array(repeating: 0, count: layer.weightValues.count)
    weightRadius = Array(repeating: .infinity, count: layer.weightValues.count)
    for j in 0..<layer.outputs {
      for (unknown, feature) in design.live.enumerated() {
        weight[j * layer.features + feature] = error.estimate[unknown * layer.outputs + j]
        weightRadius[j * layer.features + feature] = error.radius[unknown * layer.outputs + j]
      }
    }
    if layer.bias != nil {
      let start = design.live.count * layer.outputs
      bias = Array(error.estimate[start..<start + layer.outputs])
      biasRadius = Array(error.radius[start..<start + layer.outputs])
    }
  }

  /// The parameters of the reference: ours where they may be the same, else the nearest float32 number.
  func parameters(_ layer: LinearLayer) -> (weight: [Float], bias: [Float]?) {
    let bias = zip3(layer.biasValues, self.bias, biasRadius).map { Self.nearest($0.0, $0.1, $0.2) }
    return (Self.nearest(layer.weightValues, weight, weightRadius), bias)
  }

  private func zip3(_ a: [Float]?, _ b: [Double]?, _ c: [Double]?) -> ([Float], [Double], [Double])? {
    guard let a, let b, let c else { return nil }
    return (a, b, c)
  }

  private static func nearest(_ ours: [Float], _ differences: [Double], _ radii: [Double]) -> [Float] {
    ours.indices.map { index in
      differences[index].magnitude <= radii[index] ? ours[index] : Float(Double(ours[index]) + differences[index])
    }
  }

  /// Whether the radii are so small that nearly every element can be only one float32 number.
  func isExact(_ layer: LinearLayer) -> Bool {
    guard kind == .weights else { return false }
    let told = layer.weightValues.indices.count { index in
      weightRadius[index] * 2 < max(Double(layer.weightValues[index].magnitude), 1e-7) * 0x1p-24
    }
    return told * 100 >= layer.weightValues.count * 95
  }

  /// The reference's weights and biases as they come out, without regard to float32.
  func estimatedWeight(_ layer: LinearLayer) -> [Double] { zip(layer.weightValues, weight).map { Double($0) + $1 } }

  func tomography(_ layer: LinearLayer, _ shapes: [String: Shape]) -> [Tomography] {
    func result(_ part: LinearLayer.Part, _ ours: [Float], _ differences: [Double], _ radii: [Double]) -> Tomography? {
      guard let shape = shapes[part.parameter] else { return nil }
      let differing = ours.indices.filter { differences[$0].magnitude > radii[$0] }
      let elements = differing.prefix(Tomography.maximumListed).map { index in
        Tomography.Element(
          index: shape.index(of: part.start + index), ours: ours[index],
          reference: Double(ours[index]) + differences[index],
          radius: radii[index] + Double(ours[index].magnitude) * 0x1p-52)
      }
      return Tomography(
        parameter: part.parameter, stage: layer.name, certificate: kind, solved: radii.count(where: \.isFinite),
        differing: differing.count, elements: elements)
    }
    var results = [result(layer.weight, layer.weightValues, weight, weightRadius)]
    if let part = layer.bias, let ours = layer.biasValues, let bias, let biasRadius {
      results.append(result(part, ours, bias, biasRadius))
    }
    return results.compactMap { $0 }.filter { $0.differing > 0 }
  }
}
