import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct RandomPairsTests {
  /// Sizes 1 to 784, scales 1e-20 to 1e15, vector and positions form, one and two threads, made by PyTorch in this run;
  /// see `Fixtures/parity/random_pairs.py`. `TENSORFERRY_PAIRS=10000` makes a longer run.
  @Test("1,000 random configurations: no false alarm")
  func noFalseAlarm() throws {
    let count = ProcessInfo.processInfo.environment["TENSORFERRY_PAIRS"].flatMap(Int.init) ?? 1000
    try withTemporaryDirectory { directory in
      try python(script: Project.fixture("parity/random_pairs.py"), [directory.path, "--count", "\(count)"])
      let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      let weights = files.filter { $0.hasSuffix(".weights.h5") }.sorted()
      #expect(weights.count == count)
      for name in weights {
        let state = try StateDict(contentsOf: directory.appending(path: name))
        let model = try AttentionClassifier(AttentionClassifier.plan(importing: state), state)
        let reference = name.replacing(".weights.h5", with: ".reference.h5")
        let report = try ReferenceBundle(contentsOf: directory.appending(path: reference)).verify(model)
        #expect(report.verdict.isParity, "\(name): \(report.text)")
      }
    }
  }
}
