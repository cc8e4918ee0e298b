internal import TensorFerryOperators
internal import TensorFerryTensors

extension StageVerifier {
  /// Judges a stage that is recorded in float32 and whose operands are not: together with the stages before it that are
  /// not recorded, by a bound on the rounding of all of them.
  ///
  /// - Returns: our values.
  func judgeFloat32Span(
    to stage: Stage, _ values: [ValueName: ArrayView<Float>], _ trace: ReferenceTrace, _ report: inout StageReport
  ) throws -> [Double]? {
    let name = ValueName.stage(stage.name)
    let span = StageSpan(to: stage, in: graph, values)
    let ours = try span.evaluate(values)[name]!
    let oracle = try span.evaluate(values.mapValues { try $0.widened() })
    let engine = try span.bound(oracle) { _ in .float32 }
    // What is lost by flushing has a bound in single stages alone.
    let theirs = try span.bound(oracle) { flushesDenormals ? nil : boundedReference(.float32, $0) }
    note(span, theirs.obstacle, \.gaps, &report)

    let recorded = values[name]!
    let (reference, mine) = (recorded.values.map(Double.init), ours.values.map(Double.init))
    func comparison(_ judged: [Double], _ bound: ArrayView<Double>) -> Comparison {
      Comparison(
        caseName: trace.caseName, shape: trace.shapes[stage.name]!, judged: judged, oracle: oracle[name]!,
        bound: bound, reference: reference, ours: mine, rounding: nil)
    }
    report[.reference].compare(comparison(reference, theirs.bound))
    report[.engine].compare(comparison(mine, engine.bound))
    report.count(recorded, ours)
    return mine
  }

  /// The same for what is recorded in float64.
  func judgeFloat64Span(
    to stage: Stage, _ values: [ValueName: ArrayView<Double>], _ trace: ReferenceTrace, _ ours: [Double]?,
    _ report: inout StageReport
  ) throws {
    let name = ValueName.stage(stage.name)
    let span = StageSpan(to: stage, in: graph, values)
    let oracle = try span.evaluate(values)
    let (bound, obstacle) = try span.bound(oracle) { boundedReference(.float64, $0) }
    note(span, obstacle, \.notes, &report)
    let recorded = values[name]!.values
    report[.weights].compare(
      Comparison(
        caseName: trace.caseName, shape: trace.shapes[stage.name]!, judged: recorded, oracle: oracle[name]!,
        bound: bound, reference: recorded, ours: ours, rounding: nil))
  }

  private func note(
    _ span: StageSpan, _ obstacle: Stage?, _ remarks: WritableKeyPath<StageReport, [String]>,
    _ report: inout StageReport
  ) {
    if report.span.count < span.unrecorded.count { report.span = span.unrecorded }
    let list = span.unrecorded.joined(separator: ", ")
    var remark = list.isEmpty ? "" : "judged together with \(list), which are not recorded: "
    if let obstacle {
      remark += "no bound is known for \(type(of: obstacle.operation).id) in stage '\(obstacle.name)'"
      if boundedReference(.float32, obstacle) == nil { remark += " of another program" }
    } else {
      remark += "the bound is wide and proves no parameter"
    }
    if !report[keyPath: remarks].contains(remark) { report[keyPath: remarks].append(remark) }
  }
}
