import Foundation
import TensorFerryHDF5
import TensorFerryHDF5Reading
import TensorFerryTestSupport
import Testing

@Suite struct DifferentialTests {
  /// What libhdf5 1.10 cannot tell, and why; it is not compared there.
  private static let beyondLibrary = [
    "may be too old for it", "libhdf5 1.10 gives wrong chunks", "the limit is 65536",
    "bad version number for datatype message",
  ]

  @Test("the parser describes what h5py writes as libhdf5 does", arguments: Menagerie.files)
  func inventories(file: String) throws {
    let path = try Menagerie.path(file)
    let differences = Differences(
      try HDF5Inventory(describing: path), try HDF5Inventory(describingWithLibrary: path))
    #expect(differences.found.isEmpty)
    #expect(differences.refusals.first.isEmpty, "only the parser refuses them")
    let unexplained = differences.refusals.second.filter { refusal in
      !Self.beyondLibrary.contains { refusal.contains($0) }
    }
    #expect(unexplained.isEmpty, "only libhdf5 refuses them")
  }

  /// Types that numpy reads and that are not tensors here, and data that no program wrote or that is filtered.
  private static let refused: Set<String> = [
    "/bits", "/enum", "/narrow integer", "/odd float", "/odd two", "/scaled", "/undefined", "/unknown filter",
  ]

  @Test("the bytes of every dataset are those that h5py reads, or the dataset is refused", arguments: Menagerie.files)
  func bytes(file: String) throws {
    let path = try Menagerie.path(file)
    let inventory = try HDF5Inventory(describing: path)
    let source = MemorySource(bytes: try contents(path))
    let targets = Dictionary(inventory.links.map { ($0.path, $0.target) }) { first, _ in first }
    let expected = try Menagerie.made.get().datasets.filter { $0.file == file }
    #expect(!expected.isEmpty)
    for dataset in expected {
      guard case .dataset(let description) = targets[dataset.path] else {
        Issue.record("\(dataset.path) is not listed as a dataset")
        continue
      }
      guard let bytes = try? HDF5DatasetReader(description, source: source).read() else {
        #expect(Self.refused.contains(dataset.path), "\(dataset.path) is not read")
        continue
      }
      #expect(bytes.hex == dataset.hex, "\(dataset.path)")
    }
  }

  @Test("the parser describes every HDF5 fixture as libhdf5 does")
  func fixtures() throws {
    let directory = Project.root.appending(path: "Fixtures")
    let names = FileManager.default.enumerator(atPath: directory.path())?.compactMap { $0 as? String } ?? []
    let files = names.filter { $0.hasSuffix(".h5") }
    #expect(files.count > 20)
    for file in files.sorted() {
      let path = directory.appending(path: file).path()
      let mine = Result { try HDF5Inventory(describing: path) }
      let theirs = Result { try HDF5Inventory(describingWithLibrary: path) }
      switch (mine, theirs) {
      case (.success(let mine), .success(let theirs)):
        let differences = Differences(mine, theirs)
        #expect(differences.found.isEmpty, "\(file)")
        #expect(differences.refusals.first.isEmpty && differences.refusals.second.isEmpty, "\(file)")
      case (.failure(let mine as HDF5Error), .failure(let theirs as HDF5Error)):
        #expect(mine.code == theirs.code, "\(file)")
      default: Issue.record("\(file): \(mine) and \(theirs)")
      }
    }
  }

  /// The wrapper asks for chunks by their place, and libhdf5 1.10 takes an array whose second dimension grows for one
  /// whose first dimension does.
  @Test("libhdf5 is not believed where it gives the chunks of a growing dimension in another order")
  func growingSecondDimension() throws {
    let path = try Menagerie.path("storage-v110.h5")
    let links = try HDF5Inventory(describingWithLibrary: path).links
    let link = try #require(links.first { $0.path == "/plain growing second" })
    guard case .dataset(let dataset) = link.target, case .refused(let reason) = dataset.storage else {
      Issue.record("\(link.target)")
      return
    }
    #expect(reason.contains("its dimension 1 grows"))
  }
}
