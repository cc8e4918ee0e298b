internal import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// How the file holds what was recorded.
  public enum Layout: String, CaseIterable, Sendable {
    /// `tensorferry.reference/1`.
    case bundle
    /// Arrays with the names of inputs and stages.
    case arrays
    /// Folders of the tests of an ONNX model.
    case testData = "onnx_test_data"
  }

  /// The units of the last place that an exponential is off by: PyTorch's is good to one, and if nothing says that the
  /// reference is PyTorch's, the worst that is in use counts.
  var expUlps: Double { manifest["torch"] == nil && layout != .bundle ? 20 : 1 }

  /// What is taken for granted because the reference does not say it, and what its form leaves open.
  func remarks(_ graph: StageGraph) throws -> [String] {
    var remarks: [String] = []
    if layout != .bundle, manifest["torch"] == nil {
      remarks.append(
        "nothing says how the reference was computed: float32 in full precision is assumed, subnormal numbers kept, exp "
          + "good to 20 units of the last place")
    }
    let unrecorded = graph.stages.filter { stage in
      cases.contains { $0.stages[stage.name]?.float32 == nil && $0.stages[stage.name]?.float64 == nil }
    }
    if unrecorded.count > 1, unrecorded.count == graph.stages.count - 1 {
      remarks.append("of \(graph.stages.count) stages one is recorded: agreement there proves none of the parameters")
    }
    let depths = try depths(of: graph)
    if !depths.isEmpty {
      let list = graph.stages.compactMap { stage in depths[stage.name].map { "\(stage.name) \($0)" } }
      remarks.append("additions on the longest path, as probed where it was recorded: \(list.joined(separator: ", "))")
    }
    return remarks
  }

  /// For each stage that sums products, the most additions that one term goes through, as the recorder found by probing
  /// every term.
  ///
  /// - Throws: ``ParityError`` with code `.invalidMetadata` for a depth that no order of so many terms has.
  func depths(of graph: StageGraph) throws -> [String: Int] {
    var depths: [String: Int] = [:]
    for stage in graph.stages where stage.operation.sumsProducts {
      guard let entry = manifest["depths"]?[stage.name], entry["complete"]?.bool == true else { continue }
      let (depth, leaves) = (entry["depth"]?.int ?? -1, entry["leaves"]?.int ?? -1)
      guard leaves > 0, depth < leaves, depth >= Int.bitWidth - (leaves - 1).leadingZeroBitCount else {
        throw ParityError(
          .invalidMetadata, "the depth of stage '\(stage.name)' is \(depth), which no sum of \(leaves) terms has",
          file: file)
      }
      depths[stage.name] = depth
    }
    return depths
  }
}

extension Operator {
  /// Whether an order of summation that was probed is that of the stage's whole result.
  var sumsProducts: Bool { self is Linear || self is WeightedSum || self is BatchedProduct }
}

extension StageVerifier {
  /// How the reference's float32 values round: in an order of summation that may have been probed, and where subnormal
  /// numbers are flushed to 0, each operation loses up to the smallest normal one.
  func referenceRounding(_ stage: Stage) -> Rounding {
    var rounding = reference(.float32, stage)
    rounding.depth = depths[stage.name]
    if flushesDenormals { rounding.leastNonzero = rounding.leastNormal }
    return rounding
  }

  /// How the reference rounds, or nil if its program may compute the stage by another formula: PyTorch's layer norm
  /// subtracts the mean first, and others do not.
  func boundedReference(_ rounding: Rounding, _ stage: Stage) -> Rounding? {
    isForeign && stage.operation is LayerNorm ? nil : reference(rounding, stage)
  }
}
