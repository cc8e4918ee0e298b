import TensorFerryModels
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A user's own tolerances: a second gate that excuses nothing.
@Suite("tolerances")
struct ToleranceTests {
  private static func reference(_ change: (String, Tensor) throws -> Tensor? = { $1 }) throws -> ReferenceBundle {
    let recorded = try MutationTests.scene("7-5-3 x 2").references["right"]!
    var state = StateDict()
    state.metadata = recorded.metadata
    for element in recorded {
      if let tensor = try change(element.name, element.tensor.read()) {
        try state.append(element.name, LazyTensor(tensor))
      }
    }
    return try ReferenceBundle(state)
  }

  private static func judge(_ bundle: ReferenceBundle, _ tolerance: Tolerance?) throws -> ToleranceReport {
    try bundle.tolerance(of: MutationTests.scene("7-5-3 x 2").model, #require(tolerance))
  }

  @Test("the rule is that of torch.isclose, for numbers, infinities and NaN")
  func rule() throws {
    let state = try pythonTensors(
      """
      random = np.random.default_rng(8)
      special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, 3e38]
      ours = np.concatenate([random.standard_normal(400), np.repeat(special, len(special))]).astype(np.float32)
      off = random.standard_normal(400) * 10.0 ** random.uniform(-4, 0, 400)
      theirs = np.concatenate([ours[:400] + off, np.tile(special, len(special))]).astype(np.float32)
      # In float64, where the sums of the rule are not rounded so that it would matter.
      emit("ours", torch.tensor(ours)); emit("reference", torch.tensor(theirs))
      wide = [torch.tensor(values).double() for values in (ours, theirs)]
      for index, (rtol, atol) in enumerate([(0, 0), (1e-3, 0), (0, 1e-2), (0.05, 0.01)]):
          emit(f"{index}", torch.isclose(*wide, rtol=rtol, atol=atol).float())
      """)
    let (ours, reference) = try (state["ours"]!.read().floats(), state["reference"]!.read().floats())
    for (index, (relative, absolute)) in [(0.0, 0.0), (1e-3, 0), (0, 1e-2), (0.05, 0.01)].enumerated() {
      let tolerance = try #require(Tolerance(absolute: absolute, relative: relative))
      let expected = try state["\(index)"]!.read().floats()
      let found = zip(ours, reference).map { tolerance.isClose($0, to: $1) ? Float(1) : 0 }
      #expect(found == expected)
      #expect(expected.contains(0) && expected.contains(1))
    }
  }

  @Test(
    "tolerances are finite and not negative",
    arguments: [(-1e-9, 0), (0, -1), (.nan, 0), (0, .infinity)] as [(Double, Double)])
  func refused(absolute: Double, relative: Double) {
    #expect(Tolerance(absolute: absolute, relative: relative) == nil)
  }

  @Test("the first element that is off is told with both numbers and what is allowed")
  func failure() throws {
    let bundle = try Self.reference { name, tensor in
      name == "cases.0001.stages.attended_x.f32" ? try tensor.replacing(8, with: 40) : tensor
    }
    let report = try Self.judge(bundle, Tolerance(absolute: 0.5, relative: 0.25))
    #expect(!report.passed)
    // The output is fed the value that is off, so what is recorded there does not follow from it.
    #expect(report.stages.map(\.passed) == [true, true, true, false, false])
    let failure = try #require(report.stages[3].failure)
    #expect(failure.caseName == "0001" && failure.index == [1, 3] && failure.reference == 40)
    #expect(failure.allowed == 10.5 && failure.difference == 40 - Double(failure.ours))
  }

  @Test("a tolerance that a difference exceeds fails beside a verdict of parity")
  func stricter() throws {
    let scene = try MutationTests.scene("784-256-10 x 49")
    let bundle = try ReferenceBundle(scene.references["right"]!)
    var report = try bundle.verify(scene.model)
    report.tolerance = try bundle.tolerance(of: scene.model, #require(Tolerance()))
    #expect(report.verdict.isParity)
    #expect(report.tolerance?.passed == false)
    #expect(report.text.contains("tolerance failed: atol 0, rtol 0: stage 'fc', case 0000, element ["))
    #expect(report.text.split(separator: "\n").last?.hasPrefix("RESULT  \(report.verdict.rawValue)") == true)
    report.tolerance = try bundle.tolerance(of: scene.model, #require(Tolerance(absolute: 1e-3)))
    #expect(report.tolerance?.passed == true)
    #expect(report.text.contains("tolerance passed: atol 0.001, rtol 0, "))
  }

  @Test("a NaN keeps to no tolerance")
  func notANumber() throws {
    let bundle = try Self.reference { name, tensor in
      name == "cases.0000.stages.output.f32" ? try tensor.replacing(2, with: .nan) : tensor
    }
    let report = try Self.judge(bundle, Tolerance(absolute: 1e30, relative: 1e30))
    #expect(report.stages.map(\.passed) == [true, true, true, true, false])
  }

  @Test("a stage that is not recorded neither passes nor fails; nothing recorded does not pass")
  func missing() throws {
    let bundle = try Self.reference { name, tensor in name.hasSuffix("attention_scores.f32") ? nil : tensor }
    let report = try Self.judge(bundle, Tolerance(absolute: 1))
    #expect(report.stages.map(\.passed) == [true, nil, true, true, true])
    #expect(report.stages[1].gaps == ["0000", "0001"])
    #expect(report.passed)
    #expect(try !Self.judge(Self.reference { $0.contains(".inputs.") ? $1 : nil }, Tolerance(absolute: 1)).passed)
    #expect(try !Self.judge(Self.reference { _, _ in nil }, Tolerance(absolute: 1)).passed)
  }

  @Test("the JSON lists every stage")
  func json() throws {
    let scene = try MutationTests.scene("7-5-3 x 2")
    let bundle = try Self.reference()
    var report = try bundle.verify(scene.model)
    #expect(report.json["tolerance"] == nil)
    report.tolerance = try bundle.tolerance(of: scene.model, #require(Tolerance(absolute: 1, relative: 0.5)))
    let json = try #require(report.json["tolerance"])
    #expect(json["atol"]?.double == 1 && json["rtol"]?.double == 0.5 && json["passed"]?.bool == true)
    let keys = ["name", "passed", "compared", "missing", "at", "case", "reference", "ours", "difference", "allowed"]
    #expect(json["stages"]?.array?.map { $0.members?.map(\.key) } == Array(repeating: keys, count: 5))
  }
}
