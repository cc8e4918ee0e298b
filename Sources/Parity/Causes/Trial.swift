/// A hypothesis that was replayed.
struct Trial {
  /// Which elements were fitted to the reference's values; what such a fit comes to says nothing against a cause
  /// that changes no others.
  enum Freedom {
    case none
    /// Offsets among the weights and, behind them, the biases.
    case elements(Set<Int>)
    case all
    /// A factor of the result, which anything that has a better name may come to.
    case factor
  }

  let suspicion: Suspicion
  let after: Double
  /// The same for hypotheses that come to the same numbers.
  let twin: Int?
  /// Of the parameters as they are.
  let changed: Set<Int>?
  let freedom: Freedom

  var explains: Bool { after <= 1 }

  /// Whether this fits so much that it would explain whatever `other` does.
  func contains(_ other: Trial) -> Bool {
    switch freedom {
    case .none: false
    case .all: other.changed != nil
    case .factor: true
    case .elements(let free): other.changed.map { free.isSuperset(of: $0) } ?? false
    }
  }
}

extension Diagnosis.Finding {
  /// Orders what was tried and names the cause, if there is one explanation beside fits that contain it.
  ///
  /// - Parameter isTold: whether the evidence is so good that what explains it can be the cause.
  mutating func judge(_ trials: [Trial], before: Double, isTold: (Trial) -> Bool) {
    let ordered = trials.enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      if a.explains != b.explains { return a.explains }
      return (a.explains ? a.suspicion.freeNumbers : 0, left.offset) < (
        b.explains ? b.suspicion.freeNumbers : 0, right.offset
      )
    }.map(\.element)
    var kept: [Trial] = []
    for trial in ordered {
      let twin = kept.firstIndex { $0.twin != nil && $0.twin == trial.twin }
      if let twin {
        if kept[twin].suspicion.id != trial.suspicion.id, !hypotheses[twin].equivalents.contains(trial.suspicion.id) {
          hypotheses[twin].equivalents.append(trial.suspicion.id)
        }
      } else {
        kept.append(trial)
        hypotheses.append(trial.suspicion.hypothesis(stage: stage, before: before, after: trial.after))
      }
    }
    guard let best = kept.first, best.explains else { return }
    let rivals = kept.dropFirst().filter { $0.explains && !$0.contains(best) }
    if rivals.isEmpty, isTold(best) { cause = hypotheses[0] }
  }
}
