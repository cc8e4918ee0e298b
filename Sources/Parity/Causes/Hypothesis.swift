/// One thing that may be wrong at a stage, and what became of the stage when it was replayed without it.
public struct Hypothesis: Hashable, Sendable {
  public enum Fault: String, CaseIterable, Sendable {
    /// The model that is verified: its parameters or its configuration.
    case model
    /// What recorded the reference.
    case reference
    /// This engine.
    case engine
  }

  /// The class, for example `rows_swapped`; `docs/explanation/parity.md` lists them.
  public internal(set) var id: String
  /// One sentence.
  public internal(set) var title: String
  public let stage: String
  public internal(set) var parameter: String?
  /// Which rows, columns, elements or blocks; nil for all.
  public internal(set) var place: String?
  public let fault: Fault
  /// The worst utilisation of the certificates that are refuted.
  public let before: Double
  /// The worst utilisation of all certificates of the stage under this hypothesis; where it does not explain them this
  /// is at least the worst, because the replay ends early.
  public let after: Double
  /// How many numbers were taken from the reference to make it fit; places and values count alike.
  public let freeNumbers: Int
  /// Other classes that make the same change.
  public internal(set) var equivalents: [String] = []

  /// Whether rounding explains every value of the stage under this hypothesis.
  public var explains: Bool { after <= 1 }
}

/// What is to be said of a hypothesis before it is replayed.
struct Suspicion {
  let id: String
  let title: String
  var parameter: String?
  var place: String?
  var fault = Hypothesis.Fault.model
  var freeNumbers = 0

  init(
    _ id: String, _ title: String, parameter: String? = nil, place: String? = nil, fault: Hypothesis.Fault = .model,
    freeNumbers: Int = 0
  ) {
    self.id = id
    self.title = title
    self.parameter = parameter
    self.place = place
    self.fault = fault
    self.freeNumbers = freeNumbers
  }

  func hypothesis(stage: String, before: Double, after: Double) -> Hypothesis {
    Hypothesis(
      id: id, title: title, stage: stage, parameter: parameter, place: place, fault: fault, before: before,
      after: after, freeNumbers: freeNumbers)
  }
}
