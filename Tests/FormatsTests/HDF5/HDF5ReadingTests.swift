import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files that h5py wrote, and what h5py and hashlib say of them: see `Fixtures/hdf5/generate.py`.
struct HDF5Expected: Decodable, Sendable {
  struct Dataset: Decodable, Sendable {
    let path: String
    let dtype: String
    let shape: [Int]
    let sha256: String
    let alias_of: String?
  }
  let datasets: [Dataset]
  let other: [String]

  static let files: [String: HDF5Expected] = {
    let url = Project.fixture("hdf5/expected.json")
    return (try? JSONDecoder().decode([String: HDF5Expected].self, from: Data(contentsOf: url))) ?? [:]
  }()
}

@Suite struct HDF5ReadingTests {
  static let names = HDF5Expected.files.keys.sorted()

  @Test("the expected values are there")
  func expectedValues() {
    #expect(Self.names.count >= 26)
  }

  @Test("dtype, shape, sharing and SHA-256 of every dataset are those of h5py", arguments: names)
  func everyDataset(file: String) throws {
    let expected = try #require(HDF5Expected.files[file])
    let state = try StateDict(contentsOf: Project.fixture("hdf5/" + file))
    let layout = try #require(state.origin?.layout)
    // The name of a dataset is its path without the group that holds all of them.
    let group = layout.hasPrefix("flat names under") ? "/state_dict/" : "/"
    func name(_ path: String) -> String {
      String(path.dropFirst(group.count)).replacing("/", with: ".")
    }
    #expect(state.names == expected.datasets.map { name($0.path) })
    for (element, dataset) in zip(state, expected.datasets) {
      #expect(element.tensor.dtype.rawValue == dataset.dtype, "\(element.name)")
      #expect(element.tensor.shape.dimensions == dataset.shape, "\(element.name)")
      #expect(element.aliasOf == dataset.alias_of.map(name), "\(element.name)")
      #expect(try element.tensor.sha256() == dataset.sha256, "\(element.name)")
    }
    #expect(Set(state.others.map(\.name)) == Set(expected.other.map(name)))
  }

  @Test(
    "pieces of any size give the same bytes as the whole", arguments: names.filter { $0.hasPrefix("storage") },
    [1, 7, 100])
  func pieces(file: String, size: Int) throws {
    for element in try StateDict(contentsOf: Project.fixture("hdf5/" + file)) {
      var bytes: [UInt8] = []
      try element.tensor.forEachPiece(upTo: size) { bytes += $1 }
      #expect(try bytes == element.tensor.read().bytes, "\(element.name)")
    }
  }

  @Test(
    "each layout is named",
    arguments: [
      ("layout-flat.h5", "flat dotted names at the root"),
      ("layout-group.h5", "flat names under the group '/state_dict'"),
      ("layout-nested.h5", "nested groups"),
    ])
  func layouts(file: String, layout: String) throws {
    let state = try StateDict(contentsOf: Project.fixture("hdf5/" + file))
    #expect(state.origin?.layout == layout)
    #expect(state.names.contains("fc.weight"))
  }

  @Test(
    "what leads out of the file or cannot be decoded is listed with its reason",
    arguments: [
      ("external-link.h5", "external link"), ("soft-link.h5", "soft link"), ("external-storage.h5", "dataset"),
      ("virtual.h5", "dataset"), ("unknown-filter.h5", "dataset"),
    ])
  func refused(file: String, kind: String) throws {
    let state = try StateDict(contentsOf: Project.fixture("hdf5/broken/" + file))
    let refused = state.others.filter(\.isRefused)
    #expect(!refused.isEmpty && refused.allSatisfy { $0.kind == kind && !$0.reason.isEmpty })
    // The other tensors of the file are still readable.
    #expect(try state["fc.weight"]?.read().bytes.count == 5 * 7 * 4)
  }

  @Test("strings and null dataspaces are listed, not refused; raw bytes are refused until their type is said")
  func others() throws {
    let state = try StateDict(contentsOf: Project.fixture("hdf5/dtypes-earliest.h5"))
    #expect(
      Dictionary(uniqueKeysWithValues: state.others.map { ($0.name, $0.kind) }) == [
        "bytes": "string", "null": "null", "opaque": "raw bytes", "text": "string",
      ])
    #expect(state.others.filter(\.isRefused).map(\.name) == ["opaque"])
  }

  @Test(
    "files that are not HDF5, or not all of one, are refused",
    arguments: [
      ("text.h5", WeightFileError.Code.unknownFormat), ("empty.h5", .unknownFormat), ("signature-only.h5", .malformed),
      ("truncated-header.h5", .malformed), ("truncated-data.h5", .malformed),
    ])
  func broken(file: String, code: WeightFileError.Code) throws {
    let url = Project.fixture("hdf5/broken/" + file)
    #expect { _ = try StateDict(contentsOf: url).map { try $0.tensor.sha256() } } throws: { error in
      let error = error as? WeightFileError
      return error?.code == code && error?.file == url.path
    }
  }
}
