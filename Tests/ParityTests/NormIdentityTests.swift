import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What is proven of layer norms, and of a transformer as a whole.
@Suite("parameters of layer norms proven equal bit for bit")
struct NormIdentityTests {
  private static func verify(
    _ change: (any ImportableModel) throws -> any ImportableModel = { $0 }, computed: [String: Double] = [:],
    where isKept: (String) -> Bool = { _ in true }
  ) throws -> ParityReport {
    let trained = try Trained.named(.transformer)
    var reference = StateDict()
    reference.metadata = trained.reference.metadata
    for element in trained.reference where isKept(element.name) {
      try reference.append(element.name, element.tensor)
    }
    return try ReferenceBundle(reference).verify(change(trained.model), computed: computed)
  }

  private static let norms = (0..<2).flatMap { layer in
    ["norm1", "norm2"].flatMap { ["encoder.layers.\(layer).\($0).weight", "encoder.layers.\(layer).\($0).bias"] }
  }

  @Test("every parameter of a transformer is proven or has a reason, joint projections and norms included")
  func whole() throws {
    let report = try Self.verify()
    #expect(report.verdict.isParity)
    #expect(report.identity.count == 2 * 12 + 4)
    for identity in report.identity {
      #expect(identity.different == 0)
      #expect((identity.reason == nil) == (identity.proven == identity.total), "\(identity.parameter)")
    }
    let (proven, total) = (report.identity.map(\.proven).reduce(0, +), report.identity.map(\.total).reduce(0, +))
    #expect(proven * 1000 >= total * 999, "\(report.identity.compactMap(\.reason))")
    for name in Self.norms {
      #expect(report.identity.first { $0.parameter == name }?.proven == 12, "\(name)")
    }
  }

  @Test("one parameter of a norm that is off by one unit in the last place is named, with its number", arguments: norms)
  func oneUlp(name: String) throws {
    let original = try Trained.named(.transformer).model.parameters[name]!.values[5]
    let report = try Self.verify { model in
      func moved(_ model: some ImportableModel) throws -> any ImportableModel {
        try model.with(original.nextDown, at: 5, of: name)
      }
      return try moved(model)
    }
    let identity = try #require(report.identity.first { $0.parameter == name })
    #expect(identity.different == 1)
    #expect(identity.firstDifference?.index == [5])
    let first = try #require(identity.firstDifference)
    #expect(Float(first.reference) == original)
    #expect(abs(first.reference - Double(original)) <= first.radius)
    #expect(identity.proven == 11)
    #expect(report.identity.allSatisfy { $0.parameter == name || $0.different == 0 })
  }

  @Test("a difference lies within its radius of the estimate, from 1e-10 to 1e6", arguments: [-10, -6, -3, 0, 3, 6])
  func radius(exponent: Int) throws {
    let name = "encoder.layers.1.norm2.weight"
    let original = try Trained.named(.transformer).model.parameters[name]!.values[3]
    let value = original + max(Float(pow(10.0, Double(exponent))), 2 * original.ulp)
    let report = try Self.verify { model in
      func moved(_ model: some ImportableModel) throws -> any ImportableModel {
        try model.with(value, at: 3, of: name)
      }
      return try moved(model)
    }
    let first = try #require(report.identity.first { $0.parameter == name }?.firstDifference)
    #expect(abs(first.reference - Double(original)) <= first.radius)
    #expect(first.radius < 1e-9 * max(1, pow(10, Double(exponent))))
  }

  @Test("without float64 values, and where a weight was computed, it is said")
  func untold() throws {
    let without = try Self.verify(where: { !$0.hasSuffix("norm1.f64") })
    let norm = try #require(without.identity.first { $0.parameter == "encoder.layers.0.norm1.weight" })
    #expect(norm.proven == 0)
    #expect(
      norm.reason == "the reference has no float64 values of stage 'encoder.layers.0.norm1' and its input")
    let computed = try Self.verify(computed: ["encoder.layers.0.norm1.bias": 1e-6])
    let bias = try #require(computed.identity.first { $0.parameter == "encoder.layers.0.norm1.bias" })
    #expect(bias.proven == 0 && bias.reason == "computed from other tensors, not copied")
  }

  @Test("one row does not tell a weight from a bias")
  func oneRow() throws {
    let report = try withTemporaryDirectory { directory in
      try python(
        """
        import sys, torch, tensorferry
        torch.manual_seed(2)
        model = tensorferry.TransformerClassifier(4, 2, 5, 1, 3)
        tensorferry.save(model, sys.argv[1] + "/weights.h5")
        tensorferry.record(model, torch.randn(1, 1, 4), sys.argv[1] + "/reference.h5")
        """, [directory.path])
      let weights = try StateDict(contentsOf: directory.appending(path: "weights.h5"))
      let options: JSONValue = ["num_heads": JSONValue(2)]
      let model = try TransformerClassifier(
        TransformerClassifier.plan(importing: weights, options: options), weights, options: options)
      return try ReferenceBundle(contentsOf: directory.appending(path: "reference.h5")).verify(model)
    }
    for name in ["weight", "bias"] {
      let norm = try #require(report.identity.first { $0.parameter == "encoder.layers.0.norm2.\(name)" })
      #expect(norm.proven == 0)
      #expect(norm.reason?.contains("normalised feature 0 and 3 others are about the same in all rows") == true)
    }
  }
}
