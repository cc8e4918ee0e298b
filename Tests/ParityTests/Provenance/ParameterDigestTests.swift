import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import Testing

/// The hashes of parameters in the manifest of a bundle that PyTorch recorded.
@Suite struct ParameterDigestTests {
  @Test("the hashes of a model that was carried over are those of the manifest", arguments: Recording.Name.allCases)
  func equal(name: Recording.Name) throws {
    let recording = try Recording.named(name)
    let report = try ReferenceBundle(recording.reference).verify(recording.model)
    #expect(report.digests.map(\.parameter) == recording.model.graph.parameters.map(\.name))
    #expect(report.digests.allSatisfy { $0.isEqual && $0.ours.count == 64 })
    #expect(report.json["remarks"]?.array?.isEmpty == true)
    #expect(report.json["hashes"]?.array?.count == report.digests.count)
  }

  @Test("other bytes are told, with the parameter and both hashes")
  func different() throws {
    let recording = try Recording.named(.vector)
    let model = try recording.model.with(0, at: 2, of: "classifier.bias")
    let report = try ReferenceBundle(recording.reference).verify(model)
    let digest = try #require(report.digests.first { !$0.isEqual })
    #expect(report.digests.count { !$0.isEqual } == 1 && digest.parameter == "classifier.bias")
    let remark = "1 of 6 parameters have other bytes than the manifest lists: classifier.bias (SHA-256 "
    #expect(report.text.contains(remark + "\(digest.recorded.prefix(8))... there, \(digest.ours.prefix(8))... here)"))
    #expect(report.text.split(separator: "\n").count <= 25)
  }

  @Test("a refuted reference of the same bytes is told to be so")
  func arithmetic() throws {
    let recording = try Recording.named(.sequence)
    let output = try #require(try recording.reference["cases.0000.stages.output.f32"]?.read())
    var changed = StateDict()
    changed.metadata = recording.reference.metadata
    for element in recording.reference {
      let tensor = LazyTensor(try Tensor(output.floats().map { $0 + 1 }, shape: output.shape))
      try changed.append(element.name, element.name == "cases.0000.stages.output.f32" ? tensor : element.tensor)
    }
    let report = try ReferenceBundle(changed).verify(recording.model)
    #expect(report.verdict == .mismatchProven)
    #expect(report.text.contains("all 6 parameters have the bytes that the manifest lists"))
  }

  @Test("a parameter that was computed has no bytes to compare, and a manifest without hashes none either")
  func computed() throws {
    let recording = try Recording.named(.vector)
    let bundle = try ReferenceBundle(recording.reference)
    let report = try bundle.verify(recording.model, computed: ["fc.weight": 1e-7])
    #expect(report.digests.count == 5 && !report.digests.contains { $0.parameter == "fc.weight" })
    var state = recording.reference
    state.metadata = state.metadata.map { $0.key == "manifest" ? .init("manifest", "{}") : $0 }
    #expect(try ReferenceBundle(state).verify(recording.model).json["hashes"] == .null)
  }
}
