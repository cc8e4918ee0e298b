import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What `Fixtures/parity/cause_mutants.py` made from one seed, verified and diagnosed.
struct CauseMutants {
  /// Which of the reference's values are left.
  enum Evidence: String, CaseIterable {
    case complete
    case withoutProbes
    case float32

    func keeps(_ name: String) -> Bool {
      switch self {
      case .complete: true
      case .withoutProbes: !name.hasPrefix("probes.")
      case .float32: !name.hasSuffix(".f64")
      }
    }
  }

  struct Outcome {
    let name: String
    /// What is wrong; `none` for nothing.
    let kind: String
    /// Classes that say less of the same.
    let also: [String]
    let fault: String?
    let firstStage: String?
    let parameter: String?
    let report: ParityReport

    private var cause: Hypothesis? { report.diagnosis?.cause }

    /// Whether the cause is named, and whose fault it is.
    var isRight: Bool {
      guard let cause, cause.stage == firstStage else { return false }
      let isParameter = parameter.map { cause.parameter?.hasPrefix($0) ?? false } ?? true
      return isParameter && cause.fault.rawValue == fault && (cause.id == kind || cause.equivalents.contains(kind))
    }

    /// Whether something is named with confidence that is not so.
    var isWrong: Bool {
      guard let cause else { return false }
      return !isRight && !(also.contains(cause.id) && cause.fault.rawValue == fault)
    }

    var summary: String { "\(name): \(report.diagnosis?.sentence ?? "no diagnosis")" }
  }

  static func outcomes(seed: Int, _ evidence: [Evidence] = Evidence.allCases) throws -> [Evidence: [Outcome]] {
    try withTemporaryDirectory { directory in
      try python(script: Project.fixture("parity/cause_mutants.py"), [directory.path, "--seed", "\(seed)"])
      let text = [UInt8](try Data(contentsOf: directory.appending(path: "mutants.json")))
      let entries = try JSONValue(parsing: text).array ?? []
      var outcomes: [Evidence: [Outcome]] = [:]
      for each in evidence { outcomes[each] = try entries.map { try outcome($0, in: directory, each) } }
      return outcomes
    }
  }

  private static func outcome(_ entry: JSONValue, in directory: URL, _ evidence: Evidence) throws -> Outcome {
    func text(_ key: String) throws -> String { try #require(entry[key]?.string) }
    let weights = try StateDict(contentsOf: directory.appending(path: text("weights")))
    let recorded = try StateDict(contentsOf: directory.appending(path: text("reference")))
    var reference = StateDict()
    reference.metadata = recorded.metadata
    for element in recorded where evidence.keeps(element.name) {
      try reference.append(element.name, LazyTensor(element.tensor.read()))
    }
    let report = try report(
      ModelRegistry.model(for: weights.names), weights, entry["options"] ?? [:], ReferenceBundle(reference))
    return Outcome(
      name: try text("name"), kind: try text("class"), also: entry["also"]?.array?.compactMap(\.string) ?? [],
      fault: entry["fault"]?.string, firstStage: entry["first_stage"]?.string, parameter: entry["parameter"]?.string,
      report: report)
  }

  private static func report<Loaded: ImportableModel>(
    _: Loaded.Type, _ state: StateDict, _ options: JSONValue, _ bundle: ReferenceBundle
  ) throws -> ParityReport {
    let model = try Loaded(Loaded.plan(importing: state, options: options), state, options: options)
    var report = try bundle.verify(model)
    report.diagnosis = try bundle.diagnosis(of: model, report)
    return report
  }
}
