import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Bundles that PyTorch recorded, in other formats than the one in which they were written.
@Suite struct BundleFormatTests {
  @Test(
    "a bundle verifies the same in every format that keeps its names and metadata", arguments: Recording.Name.allCases,
    ["h5", "safetensors", "npz", "pt"])
  func converted(name: Recording.Name, ending: String) throws {
    let recording = try Recording.named(name)
    let expected = try ReferenceBundle(recording.reference).verify(recording.model)
    #expect(expected.verdict.isParity)
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "reference." + ending)
      let format: any WeightFormat =
        switch ending {
        case "h5": .hdf5
        case "npz": .npz
        case "pt": PyTorchFormat()
        default: .safetensors
        }
      try recording.reference.write(to: url, format: format)
      let file = try ReferenceFile(contentsOf: url)
      #expect(file.bundle?.model == type(of: recording.model).id)
      #expect(file.bundle?.configuration != nil && file.bundle?.probes != nil)
      let report = try file.bundle(of: recording.model).verify(recording.model)
      #expect(report.file == url.path)
      #expect(Self.withoutFile(report.json) == Self.withoutFile(expected.json))
    }
  }

  @Test("plain numpy writes and reads the metadata of a bundle as texts without dimensions")
  func plainNumPy() throws {
    let recording = try Recording.named(.vector)
    try withTemporaryDirectory { directory in
      let (ours, theirs) = (directory.appending(path: "ours.npz"), directory.appending(path: "theirs.npz"))
      try recording.reference.write(to: ours, format: .npz)
      try python(
        """
        import json, sys, numpy
        held = numpy.load(sys.argv[1])
        assert json.loads(str(held["manifest"]))["torch"] and str(held["format"]) == "tensorferry.reference/1"
        numpy.savez_compressed(sys.argv[2], **{name: held[name] for name in reversed(held.files)})
        """, [ours.path, theirs.path])
      let expected = try ReferenceFile(contentsOf: ours).bundle(of: recording.model).verify(recording.model)
      let report = try ReferenceFile(contentsOf: theirs).bundle(of: recording.model).verify(recording.model)
      #expect(report.verdict.isParity)
      #expect(report.stages == expected.stages && report.identity == expected.identity)
    }
  }

  static func withoutFile(_ json: JSONValue) -> JSONValue {
    .object(
      (json.members ?? []).map { member in
        guard member.key == "reference" else { return member }
        return .init(member.key, .object((member.value.members ?? []).filter { $0.key != "file" }))
      })
  }
}
