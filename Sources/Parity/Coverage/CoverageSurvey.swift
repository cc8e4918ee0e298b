internal import TensorFerryOperators
internal import TensorFerryTensors

/// Collects, case by case, which changes of parameters are exposed.
struct CoverageSurvey {
  private let verifier: StageVerifier
  private var uses: [Use] = []

  /// One parameter as an operand of one stage.
  private struct Use {
    let stage: Stage
    let operand: Int
    var part: Coverage.Part
    var isMeasured = true
    /// The stages that cancelled a change, with the size of the axis, in the cases without influence on the output.
    var cancelled: [(stage: Stage, axis: Int?, size: Int)] = []
  }

  init(_ verifier: StageVerifier) {
    self.verifier = verifier
    for part in verifier.parts {
      let view = verifier.float32[.parameter(part.parameter)]!
      let entry = Coverage.Part(
        parameter: part.parameter, shape: view.shape, elements: part.elements, stage: part.stage.name,
        changes: [Double](repeating: .infinity, count: part.elements.count))
      uses.append(Use(stage: part.stage, operand: part.operand, part: entry))
    }
  }

  mutating func add(_ trace: ReferenceTrace, _ shapes: [ValueName: Shape]) throws {
    var last: (name: String, judgement: Judgement?)?
    for index in uses.indices {
      let stage = uses[index].stage
      // The uses of one stage follow each other.
      if last?.name != stage.name { last = (stage.name, try verifier.judgement(of: stage, trace)) }
      if let judgement = last?.judgement { try measure(index, judgement) }
      follow(index, shapes)
    }
  }

  private mutating func measure(_ index: Int, _ judgement: Judgement) throws {
    let elements = uses[index].part.elements
    var changes = try MutableArrayView<Double>(shape: uses[index].part.shape)
    changes.elements.update(repeating: .infinity)
    uses[index].isMeasured = uses[index].stage.operation.lowerVisibleChange(
      of: uses[index].operand, judgement.operands, bound: judgement.bound, judgement.rounding, in: &changes)
    for (place, offset) in elements.enumerated() {
      uses[index].part.changes[place] = min(uses[index].part.changes[place], changes[offset])
    }
    if uses[index].part.certificate != .weights { uses[index].part.certificate = judgement.kind }
  }

  /// Whether a change of the elements reaches the output in a case of these shapes.
  private mutating func follow(_ index: Int, _ shapes: [ValueName: Shape]) {
    let part = uses[index].part
    guard !part.influencesOutput else { return }
    let spread = verifier.graph.spread(shapes) { stage, operand in
      guard stage.operands[operand] == .parameter(part.parameter) else { return false }
      let elements = stage.operation.elements(of: operand, stage.operands.map { shapes[$0]! })
      return elements.overlaps(part.elements)
    }
    uses[index].part.influencesOutput = spread.reached.contains(verifier.graph.output)
    for stage in spread.cancelling {
      let operands = stage.operands.map { shapes[$0]! }
      let axis = stage.operation.cancellingAxis(operands)
      uses[index].cancelled.append((stage, axis, axis.map { operands[0][$0] } ?? 0))
    }
  }

  /// - Parameter parameters: the values, for the size of their last place.
  func coverage() -> Coverage {
    Coverage(
      parts: uses.map { use in
        var part = use.part
        if !use.isMeasured { part.changes = [] }
        if let values = verifier.float32[.parameter(part.parameter)] {
          part.withinUlp = zip(part.elements, part.changes).count { $1 < Double(values[$0].ulp) }
          let columns = part.shape.rank > 1 ? max(part.shape.dimensions[part.shape.rank - 1], 1) : part.changes.count
          for (place, change) in part.changes.enumerated() {
            let ulp = Double(values[part.elements.lowerBound + place].ulp)
            part.relative.add(change / ulp, row: place / columns, column: place % columns)
          }
        }
        part.gaps = (part.influencesOutput ? [] : [invisibility(of: use)]) + blindness(of: use)
        return part
      })
  }

  private func invisibility(of use: Use) -> Coverage.Gap {
    let count = use.part.elements.count
    guard let first = use.cancelled.first, let axis = first.axis else {
      return .init(count: count, reason: "it does not lead to the output", remedy: nil)
    }
    let name = "\(type(of: first.stage.operation).id) in stage '\(first.stage.name)'"
    if use.cancelled.allSatisfy({ $0.size == 1 }) {
      return .init(
        count: count, reason: "\(name) runs over one element, so that its result is always the same",
        remedy: "a case in which stage '\(first.stage.name)' has more than one element along axis \(axis)")
    }
    return .init(count: count, reason: "\(name) cancels what is the same along axis \(axis)", remedy: nil)
  }

  private func blindness(of use: Use) -> [Coverage.Gap] {
    let part = use.part
    func gap(_ count: Int, _ reason: String, _ remedy: String?) -> [Coverage.Gap] {
      [.init(count: count, reason: reason, remedy: remedy)]
    }
    guard part.certificate != nil else {
      return gap(part.elements.count, "stage '\(part.stage)' or its input is not recorded", "the stage in float64")
    }
    guard use.isMeasured else {
      return gap(part.elements.count, "a change is not traced through \(type(of: use.stage.operation).id)", nil)
    }
    let blind = part.changes.count { !$0.isFinite }
    guard blind > 0 else { return [] }
    let source = use.stage.operands[0].description
    if part.shape.rank == 2, blind < part.changes.count {
      let columns = part.shape[1]
      let dead = (0..<columns).filter { column in
        stride(from: column, to: part.changes.count, by: columns).allSatisfy { !part.changes[$0].isFinite }
      }
      let rows = part.changes.count / columns
      if dead.count * rows == blind {
        let list = dead.prefix(8).map(String.init).joined(separator: ", ") + (dead.count > 8 ? ", ..." : "")
        return gap(
          blind,
          "feature\(dead.count == 1 ? "" : "s") \(list) of \(source) \(dead.count == 1 ? "is" : "are") 0 everywhere",
          "a case in which they are not 0")
      }
    }
    return gap(
      blind, "no value of stage '\(part.stage)' has a finite bound and depends on them by more than rounding",
      "a case with other values of \(source)")
  }
}
