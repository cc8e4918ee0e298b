import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport

/// Reports of every kind, from what PyTorch recorded in this run, with all that can be asked for.
enum ReportScene: String, CaseIterable, Sendable {
  case clean, refuted, transformer, attention, vector, float32Only, missingStage, notFinite, engine, hostile

  /// What a name may hold: markup, quotes, an escape sequence, bidirectional control, newline and a null.
  static let hostileName =
    "\"'><script>hacked=1</script><img src=x onerror=hacked=1>&amp;\u{202E}gnp\u{1B}[31m\nx\u{0}]]>\u{FFFF}"

  static func report(_ scene: ReportScene) throws -> ParityReport { try all.get()[scene]! }

  private static let all = Result {
    try Dictionary(uniqueKeysWithValues: allCases.map { ($0, try $0.report()) })
  }

  private func report() throws -> ParityReport {
    let sequence = try Recording.named(.sequence)
    switch self {
    case .clean: return try Self.report(on: sequence.model, sequence.bundle())
    case .refuted:
      let (model, bundle) = (try sequence.model.with(0.75, at: 9, of: "fc.weight"), try sequence.bundle())
      var report = try Self.report(on: model, bundle)
      report.tolerance = try Self.tolerance(of: model, bundle)
      report.proof = ParityReport.Proof(
        inputs: [.init(role: .model, file: "model.h5", sha256: String(repeating: "0a", count: 32))],
        configuration: ["input_size": JSONValue(7)], isMapped: false)
      return report
    case .transformer, .attention, .vector:
      let recording = try Recording.named(
        self == .transformer ? .transformer : self == .attention ? .attention : .vector)
      return try Self.report(on: recording.model, recording.bundle())
    case .float32Only:
      return try Self.report(on: sequence.model, sequence.bundle { !$0.hasSuffix(".f64") })
    case .missingStage:
      return try Self.report(on: sequence.model, sequence.bundle { !$0.contains(".attended_x.") })
    case .notFinite:
      return try Self.report(on: sequence.model.with(.nan, at: 0, of: "classifier.bias"), sequence.bundle())
    case .engine:
      guard let model = sequence.model as? AttentionClassifier else { break }
      // The probes are of linear stages, which the first is none of here.
      return try Self.report(on: OffModel(model), sequence.bundle { !$0.hasPrefix("probes.") })
    case .hostile: break
    }
    return try Self.hostileReport()
  }

  static func report(on model: some Model, _ bundle: ReferenceBundle) throws -> ParityReport {
    var report = try bundle.verify(model, drawing: true)
    report.coverage = try bundle.coverage(of: model)
    if model is any Classifier { report.decisions = try bundle.decisions(of: model) }
    report.diagnosis = try bundle.diagnosis(of: model, report)
    report.budget = try bundle.budget(of: model)
    report.selfTest = try bundle.selfTest(of: model, seed: 5)
    return report
  }

  private static func tolerance(of model: some Model, _ bundle: ReferenceBundle) throws -> ToleranceReport? {
    try Tolerance(absolute: 1e-5, relative: 1e-3).map { try bundle.tolerance(of: model, $0) }
  }

  /// Stages, manifest and file with names that are markup, if nobody escapes them; the second stage is refuted.
  private static func hostileReport() throws -> ParityReport {
    let names = [hostileName, "</svg></table><style>*{display:none}</style>" + hostileName]
    let model = try ChainModel(stages: [
      Stage(names[0], Softmax(axis: 1), .input("x")), Stage(names[1], Softmax(axis: 1), .stage(names[0])),
    ])
    var state = StateDict()
    state.metadata = [
      .init("format", "tensorferry.reference/1"), .init("model", .string(ChainModel.id)),
      .init("manifest", .string(JSONValue.object([.init(hostileName, .string(hostileName))]).text())),
    ]
    let x = try Tensor([Float](repeating: 0.25, count: 8), shape: [2, 4])
    try state.append("cases.0000.inputs.x", LazyTensor(x))
    for (name, value) in zip(names, [0.25, 0.26] as [Float]) {
      let tensor = try Tensor([Float](repeating: value, count: 8), shape: [2, 4])
      try state.append("cases.0000.stages.\(name).f32", LazyTensor(tensor))
    }
    state.origin = .init(path: hostileName + ".h5", format: "hdf5", layout: nil, byteCount: 0)
    return try report(on: model, ReferenceBundle(state))
  }
}
