import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What the proof of bit identity costs; `TENSORFERRY_TIMES=1` prints the times.
@Suite("cost of the proof of bit identity")
struct IdentityCostTests {
  @Test("for 512-384-100 it takes at most 2 s, or 10 times as long as loading and running the model")
  func cost() throws {
    try withTemporaryDirectory { directory in
      try python(
        """
        import sys, torch, tensorferry
        torch.manual_seed(0)
        model, x = tensorferry.AttentionClassifier(512, 384, 100), torch.randn(16, 512)
        tensorferry.save(model, sys.argv[1] + "/model.h5")
        tensorferry.record(model, x, sys.argv[1] + "/reference.h5")
        """, [directory.path])
      let files = ["model.h5", "reference.h5"].map { directory.appending(path: $0) }
      func load() throws -> AttentionClassifier {
        let state = try StateDict(contentsOf: files[0])
        return try AttentionClassifier(AttentionClassifier.plan(importing: state), state)
      }
      let model = try load()
      let bundle = try ReferenceBundle(contentsOf: files[1])
      let x = try #require(bundle.cases.first?.inputs["x"]).read()
      let run = try Self.shortest { _ = try load()(x) }
      var report: ParityReport?
      let with = try Self.shortest { report = try bundle.verify(model) }
      let without = try Self.shortest { _ = try bundle.verify(model, provingIdentity: false) }
      let identity = try #require(report?.identity)
      let (proven, total) = (identity.map(\.proven).reduce(0, +), identity.map(\.total).reduce(0, +))
      #expect(proven * 1000 >= total * 999)
      #expect(with - without <= max(.seconds(2), run * 10))
      if ProcessInfo.processInfo.environment["TENSORFERRY_TIMES"] != nil {
        print("load and run \(run), verify \(with), without identity \(without), proven \(proven) of \(total)")
      }
    }
  }

  private static func shortest(_ work: () throws -> Void) rethrows -> Duration {
    let clock = ContinuousClock()
    return try (0..<5).map { _ in try clock.measure(work) }.min() ?? .zero
  }
}
