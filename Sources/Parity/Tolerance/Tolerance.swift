public import TensorFerryOperators
internal import TensorFerryTensors

/// How far our float32 values may be from those of the reference, as `torch.allclose` has it:
/// `|ours - reference| <= absolute + relative * |reference|`.
///
/// A gate that a user sets beside the verdict. It can only refuse more.
public struct Tolerance: Hashable, Sendable {
  public let absolute: Double
  public let relative: Double

  /// Nil if one is negative or not finite.
  public init?(absolute: Double = 0, relative: Double = 0) {
    guard absolute.isFinite, relative.isFinite, absolute >= 0, relative >= 0 else { return nil }
    self.absolute = absolute
    self.relative = relative
  }

  /// What is allowed beside a value of the reference; NaN for NaN.
  public func allowed(_ reference: Float) -> Double { absolute + relative * Double(reference).magnitude }

  /// Whether the rule holds; equal infinities are close, a NaN is close to nothing.
  public func isClose(_ ours: Float, to reference: Float) -> Bool {
    guard ours.isFinite, reference.isFinite else { return ours == reference }
    return (Double(ours) - Double(reference)).magnitude <= allowed(reference)
  }
}

/// Whether our float32 values keep to a tolerance, stage by stage, each fed the reference's own input, or ours where
/// that is not recorded.
public struct ToleranceReport: Hashable, Sendable {
  public struct Stage: Hashable, Sendable {
    public let name: String
    /// How many values were compared.
    public internal(set) var compared = 0
    /// The cases that lack float32 values of the stage.
    public internal(set) var gaps: [String] = []
    /// The first element that is off by more than is allowed.
    public internal(set) var failure: Failure?

    init(_ name: String) { self.name = name }

    /// Whether every recorded value keeps to the tolerance; nil if none is recorded.
    public var passed: Bool? { failure != nil ? false : compared > 0 ? true : nil }
  }

  public struct Failure: Hashable, Sendable {
    public let caseName: String
    /// The index in the reference's shape.
    public let index: [Int]
    public let reference: Float
    public let ours: Float
    /// What the tolerance allows there.
    public let allowed: Double

    public var difference: Double { (Double(ours) - Double(reference)).magnitude }
  }

  public let tolerance: Tolerance
  /// In forward order.
  public internal(set) var stages: [Stage]

  /// Whether there are recorded values and all of them keep to the tolerance. What is not recorded is the verdict's
  /// business.
  public var passed: Bool { stages.contains { $0.passed == true } && stages.allSatisfy { $0.passed != false } }
}

extension ReferenceBundle {
  /// Compares our float32 values with the reference's by torch's rule.
  ///
  /// - Throws: what ``verify(_:computed:)`` throws.
  /// - Complexity: one pass of the model in float32 for each case.
  public func tolerance(of model: some Model, _ tolerance: Tolerance) throws -> ToleranceReport {
    let parameters = try verifier(of: model, computed: [:]).float32
    var report = ToleranceReport(tolerance: tolerance, stages: model.graph.stages.map { .init($0.name) })
    var workspace = Workspace()
    for entry in cases {
      let trace = try trace(of: entry, model.graph)
      var values = parameters.merging(trace.float32) { $1 }
      for (index, stage) in model.graph.stages.enumerated() {
        // A stage comes after those that it takes, so each has a value, recorded or ours.
        let view = try stage.evaluate(stage.operands.map { values[$0]! }, &workspace)
        guard let recorded = values[.stage(stage.name)] else {
          values[.stage(stage.name)] = view
          report.stages[index].gaps.append(entry.name)
          continue
        }
        let (ours, reference) = (view.values, recorded.values)
        report.stages[index].compared += ours.count
        guard report.stages[index].failure == nil,
          let offset = ours.indices.first(where: { !tolerance.isClose(ours[$0], to: reference[$0]) })
        else { continue }
        report.stages[index].failure = .init(
          caseName: entry.name, index: trace.shapes[stage.name]!.index(of: offset), reference: reference[offset],
          ours: ours[offset], allowed: tolerance.allowed(reference[offset]))
      }
    }
    return report
  }
}
