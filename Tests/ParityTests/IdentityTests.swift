import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What is proven of parameters bit for bit, against references that PyTorch recorded in this run.
@Suite("parameters proven equal bit for bit")
struct IdentityTests {
  /// A classifier and the references that `calls` record as `name.h5`, after `torch.manual_seed(0)`.
  private struct Recorded {
    let state: StateDict
    let references: [String: ReferenceBundle]

    init(_ sizes: (Int, Int, Int), prepare: String = "", calls: String) throws {
      (state, references) = try withTemporaryDirectory { directory in
        try python(
          """
          import sys, torch, tensorferry
          torch.manual_seed(0)
          model = tensorferry.AttentionClassifier(*\(sizes))
          \(prepare)
          def record(name, x, **options): tensorferry.record(model, x, f"{sys.argv[1]}/{name}.h5", **options)
          tensorferry.save(model, sys.argv[1] + "/weights.h5")
          \(calls)
          """, [directory.path])
        var references: [String: ReferenceBundle] = [:]
        for url in try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        where url.lastPathComponent != "weights.h5" {
          references[url.deletingPathExtension().lastPathComponent] = try ReferenceBundle(Self.read(url))
        }
        return (try Self.read(directory.appending(path: "weights.h5")), references)
      }
    }

    /// The file's tensors in memory, because its directory goes.
    private static func read(_ url: URL) throws -> StateDict {
      let file = try StateDict(contentsOf: url)
      var state = StateDict()
      state.metadata = file.metadata
      for element in file { try state.append(element.name, LazyTensor(element.tensor.read())) }
      return state
    }

    func verify(
      _ reference: String, computed: [String: Double] = [:], change: (inout [String: Tensor]) throws -> Void = { _ in }
    ) throws -> ParityReport {
      var parameters: [String: Tensor] = [:]
      for element in state { parameters[element.name] = try element.tensor.read() }
      let fc = try #require(parameters["fc.weight"]).shape
      let configuration = try AttentionClassifier.Configuration(
        inputSize: fc[1], hiddenSize: fc[0], classCount: try #require(parameters["classifier.bias"]).shape[0])
      try change(&parameters)
      let model = try AttentionClassifier(configuration: configuration, parameters: parameters)
      return try #require(references[reference]).verify(model, computed: computed)
    }
  }

  private static let small = Result {
    try Recorded(
      (7, 5, 3),
      calls: """
        x = torch.randn(4, 6, 7)
        record("probes", x)
        record("rows", [x, torch.randn(9, 2, 7)], probes=False)
        record("few", torch.randn(3, 7), probes=False)
        record("repeated", torch.randn(2, 1, 7).expand(2, 9, 7).contiguous(), probes=False)
        dead = x.clone(); dead[:, :, 2] = 0
        record("dead", dead, probes=False)
        record("dead_probes", dead)
        """)
  }

  /// Changes one element of a parameter.
  private static func change(
    _ name: String, _ offset: Int, _ change: @escaping (Float) -> Float
  ) -> (inout [String: Tensor]) throws -> Void {
    { parameters in
      let tensor = try #require(parameters[name])
      var values = try tensor.floats()
      values[offset] = change(values[offset])
      parameters[name] = try Tensor(values, shape: tensor.shape)
    }
  }

  private static func identity(_ report: ParityReport, _ name: String) throws -> ParameterIdentity {
    try #require(report.identity.first { $0.parameter == name })
  }

  @Test("probes prove at least 99.9 % of a classifier of 512-384-100, and the rest have a reason")
  func classifier() throws {
    let recorded = try Recorded((512, 384, 100), calls: #"record("reference", torch.randn(16, 512))"#)
    let identity = try recorded.verify("reference").identity
    let total = 512 * 384 + 384 + 384 + 1 + 384 * 100 + 100
    #expect(identity.map(\.total).reduce(0, +) == total)
    #expect(identity.map(\.proven).reduce(0, +) * 1000 >= total * 999)
    #expect(identity.allSatisfy { $0.different == 0 })
    #expect(identity.allSatisfy { ($0.reason == nil) == ($0.proven == $0.total) })
  }

  @Test("enough rows of a trace prove every parameter without probes")
  func rows() throws {
    let report = try Self.small.get().verify("rows")
    for name in ["fc.weight", "fc.bias", "attention.weight", "attention.bias"] {
      let identity = try Self.identity(report, name)
      #expect(identity.proven == identity.total, "\(name): \(identity.reason ?? "")")
    }
  }

  @Test(
    "one weight off by one unit in the last place is named, with the reference's number",
    arguments: ["fc.weight", "fc.bias", "attention.weight", "attention.bias", "classifier.weight", "classifier.bias"])
  func oneUlp(name: String) throws {
    let recorded = try Self.small.get()
    let tensor = try #require(recorded.state[name]).read()
    let offset = tensor.shape.elementCount - 1
    let report = try recorded.verify("probes", change: Self.change(name, offset) { $0.nextUp })
    let identity = try Self.identity(report, name)
    #expect(identity.different == 1)
    #expect(identity.proven == identity.total - 1)
    let first = try #require(identity.firstDifference)
    #expect(first.index == tensor.shape.dimensions.map { $0 - 1 })
    #expect(try Float(first.reference) == tensor.floats()[offset])
    #expect(report.identity.allSatisfy { $0.parameter == name || $0.different == 0 })
    #expect(report.verdict == .mismatchProven)
    #expect(report.blame == .reference)
  }

  @Test(
    "a difference lies within its radius of the estimate, from 1e-12 to 1e6", arguments: [-12, -9, -6, -3, 0, 3, 6])
  func radius(exponent: Int) throws {
    let recorded = try Self.small.get()
    let original = Double(try #require(recorded.state["fc.weight"]).read().floats()[9])
    for reference in ["probes", "rows"] {
      let report = try recorded.verify(
        reference, change: Self.change("fc.weight", 9) { $0 + max(Float(pow(10.0, Double(exponent))), 2 * $0.ulp) })
      let first = try #require(Self.identity(report, "fc.weight").firstDifference)
      #expect(first.index == [1, 2])
      #expect(abs(first.reference - original) <= first.radius)
      #expect(first.radius < 1e-9 * max(1, pow(10, Double(exponent))))
    }
  }

  @Test("fewer rows than unknowns are not identifiable")
  func few() throws {
    let report = try Self.small.get().verify("few")
    #expect(report.verdict.isParity)
    let weight = try Self.identity(report, "fc.weight")
    #expect(weight.proven == 0)
    #expect(weight.reason?.contains("3 rows do not tell 8 unknowns") == true, "\(weight.reason ?? "")")
  }

  @Test("rows that repeat are not identifiable, and the rank is told")
  func repeated() throws {
    let weight = try Self.identity(Self.small.get().verify("repeated"), "fc.weight")
    #expect(weight.proven == 0)
    #expect(weight.reason?.contains("rank 2, and there are 8 unknowns") == true, "\(weight.reason ?? "")")
  }

  @Test("an input that is 0 in every row is named, and a weight that it hides is found by probes alone")
  func dead() throws {
    let recorded = try Self.small.get()
    let hidden = Self.change("fc.weight", 9) { $0 + 1 }
    let blind = try recorded.verify("dead", change: hidden)
    #expect(blind.verdict.isParity)
    let weight = try Self.identity(blind, "fc.weight")
    #expect(weight.proven == 30)
    #expect(weight.reason == "input 2 is 0 in every row")
    let seen = try recorded.verify("dead_probes", change: hidden)
    #expect(try Self.identity(seen, "fc.weight").firstDifference?.index == [1, 2])
    #expect(seen.firstDivergence?.name == "fc")
    #expect(seen.firstDivergence?.deciding.worst?.caseName == "probes")
  }

  @Test("a bias of zeros is not proven: it could be any number below what is seen, or zero with a sign")
  func zeros() throws {
    let recorded = try Recorded(
      (7, 5, 3), prepare: "torch.nn.init.zeros_(model.fc.bias)", calls: #"record("reference", torch.randn(2, 7))"#)
    let bias = try Self.identity(recorded.verify("reference"), "fc.bias")
    #expect(bias.proven == 0 && bias.different == 0)
    #expect(bias.reason?.hasPrefix("5 of value 0") == true)
  }

  @Test("nothing is proven of a weight that was computed from others")
  func computed() throws {
    let report = try Self.small.get().verify("probes", computed: ["fc.weight": 1e-6])
    #expect(try Self.identity(report, "fc.weight").reason == "computed from other tensors, not copied")
    #expect(try Self.identity(report, "fc.weight").proven == 0)
  }

  @Test("the JSON has a member for each parameter, and the text one line")
  func report() throws {
    let report = try Self.small.get().verify("probes", change: Self.change("fc.weight", 9) { $0.nextUp })
    let members = try #require(report.json["identity"]?.array)
    #expect(members.map { $0["parameter"]?.string } == report.identity.map(\.parameter))
    #expect(members[0]["proven"]?.int == 34 && members[0]["total"]?.int == 35 && members[0]["different"]?.int == 1)
    #expect(members[0]["first_difference"]?["at"]?.array?.compactMap(\.int) == [1, 2])
    #expect(members[1]["first_difference"] == .null && members[1]["reason"] == .null)
    let line = try #require(report.text.split(separator: "\n").first { $0.hasPrefix("identity:") })
    #expect(line.contains("1 of 'fc.weight' to differ: [1, 2] is"))
  }
}
