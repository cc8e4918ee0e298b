import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Models and references that PyTorch made in this run; see `Fixtures/parity/random_pairs.py`.
@Suite struct RandomPairsTests {
  private struct Outcome: Sendable {
    let pair: JSONValue
    let report: ParityReport
  }

  /// Sizes 1 to 784, 1 to 197 positions, scales 1e-20 to 1e15, masks, one and two threads; eager, traced, compiled,
  /// without oneDNN, sample by sample; with and without float64. `TENSORFERRY_PAIRS=10000` makes a longer run.
  @Test("1,000 random configurations: no false alarm")
  func noFalseAlarm() async throws {
    let count = ProcessInfo.processInfo.environment["TENSORFERRY_PAIRS"].flatMap(Int.init) ?? 1000
    let directory = FileManager.default.temporaryDirectory.appending(path: "tensorferry-test-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    try python(
      script: Project.fixture("parity/random_pairs.py"), [directory.path, "--count", "\(count)", "--processes", "2"])
    let list = try JSONValue(parsing: [UInt8](Data(contentsOf: directory.appending(path: "pairs.json"))))
    let pairs = try #require(list.array)
    #expect(pairs.count == count)
    let outcomes = try await Self.judge(pairs, in: directory)
    #expect(outcomes.count == count)
    for outcome in outcomes { Self.check(outcome) }
    Self.check(outcomes)
  }

  private static func judge(_ pairs: [JSONValue], in directory: URL) async throws -> [Outcome] {
    try await withThrowingTaskGroup(of: [Outcome].self) { group in
      for part in 0..<2 {
        group.addTask {
          try stride(from: part, to: pairs.count, by: 2).map { index in
            let weights = try #require(pairs[index]["weights"]?.string)
            let reference = try #require(pairs[index]["reference"]?.string)
            let state = try StateDict(contentsOf: directory.appending(path: weights))
            let model = try load(
              ModelRegistry.model(for: state.names), state, try #require(pairs[index]["options"]))
            let report = try ReferenceBundle(contentsOf: directory.appending(path: reference)).verify(model)
            return Outcome(pair: pairs[index], report: report)
          }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
  }

  private static func load<Loaded: ImportableModel>(
    _: Loaded.Type, _ state: StateDict, _ options: JSONValue
  ) throws -> any ImportableModel {
    try Loaded(Loaded.plan(importing: state, options: options), state, options: options)
  }

  private static func check(_ outcome: Outcome) {
    let (pair, report) = (outcome.pair, outcome.report)
    let isComplete = pair["complete"]?.bool == true
    #expect(report.model == pair["model"]?.string)
    #expect(report.verdict != .mismatchProven, "\(pair.text()): \(report.text)")
    for stage in report.stages {
      // Everything was judged, and nothing was taken on trust.
      #expect(stage.certificates.map { $0.compared > 0 } == [isComplete, true, true])
      if isComplete { #expect(stage.certificates.allSatisfy { $0.scores.isComplete }) }
      guard stage.verdict == .inconclusive else { continue }
      let why = "no finite bound exists for some values"
      #expect(stage.remarks.contains { $0.hasPrefix(why) }, "\(pair.text()): \(stage.remarks)")
    }
  }

  /// Every way of computing and every model is among them, and few are undecided.
  private static func check(_ outcomes: [Outcome]) {
    func count(_ isCounted: (Outcome) -> Bool) -> Int { outcomes.count(where: isCounted) }
    let verdicts = Verdict.allCases.map { verdict in
      "\(verdict.rawValue) \(count { $0.report.verdict == verdict })"
    }
    let unusual = outcomes.filter { $0.pair["complete"]?.bool == true && $0.report.verdict == .explained }
    print("\(outcomes.count) random configurations: \(verdicts.joined(separator: ", "))")
    for outcome in unusual { print("unusual: \(outcome.pair.text()) \(outcome.report.stages.flatMap(\.remarks))") }
    for outcome in outcomes where outcome.report.verdict == .inconclusive {
      print("undecided: \(outcome.pair.text()) \(outcome.report.stages.flatMap(\.remarks))")
    }
    for way in ["eager", "traced", "compiled", "unfused", "split"] {
      #expect(count { $0.pair["way"]?.string == way } >= outcomes.count / 25, "\(way)")
    }
    for model in ["AttentionClassifier/1", "MultiheadAttention/1", "TransformerClassifier/1"] {
      #expect(count { $0.report.model == model } >= outcomes.count / 12, "\(model)")
    }
    #expect(count { $0.pair["masked"]?.bool == true } >= outcomes.count / 10)
    #expect(count { $0.pair["complete"]?.bool == false } >= outcomes.count / 10)
    #expect(count { $0.report.verdict == .inconclusive } <= outcomes.count / 50)
    #expect(unusual.count <= outcomes.count / 100)
  }
}
