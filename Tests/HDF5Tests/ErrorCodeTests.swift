import Foundation
import TensorFerryHDF5
import TensorFerryTestSupport
import Testing

/// Each code of ``HDF5Error`` with something that causes it.
@Suite struct ErrorCodeTests {
  typealias Cause = @Sendable (Scratch) throws -> Void

  private static func withNewFile(_ body: @escaping @Sendable (HDF5File) throws -> Void) -> Cause {
    { scratch in try HDF5File.create(at: scratch.path("new.h5"), body) }
  }

  private static func withReader(_ code: String, _ body: @escaping @Sendable (HDF5DatasetReader) throws -> Void)
    -> Cause
  {
    { scratch in
      let path = scratch.path("old.h5")
      try scratch.h5py(path, [], code)
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      try body(try HDF5DatasetReader(description, source: MemorySource(path)))
    }
  }

  static let causes: [(code: HDF5Error.Code, what: String, cause: Cause)] = [
    (.unreadableFile, "a missing file", { _ = try HDF5File(opening: $0.path("missing")) }),
    (
      .notHDF5, "a text file",
      { scratch in
        try scratch.write(Array("text".utf8), to: scratch.path("text"))
        _ = try HDF5File(opening: scratch.path("text"))
      }
    ),
    (
      .damagedFile, "a signature and nothing else",
      { scratch in
        try scratch.write([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], to: scratch.path("head"))
        _ = try HDF5File(opening: scratch.path("head"))
      }
    ),
    (.cannotCreate, "a file in a missing directory", { try HDF5File.create(at: $0.path("no/file.h5")) { _ in } }),
    (
      .cannotCreate, "a file that is there",
      { scratch in
        for _ in 0..<2 { try HDF5File.create(at: scratch.path("twice.h5")) { _ in } }
      }
    ),
    (.cannotCreate, "a path with a null character", { try HDF5File.create(at: $0.path("a") + "\0b") { _ in } }),
    (.notFound, "a missing dataset", withNewFile { _ = try $0.dataset("a/b") }),
    (.notFound, "a missing attribute", withNewFile { _ = try $0.attribute("a") }),
    (.notFound, "a hard link to nothing", withNewFile { try $0.createHardLink("a", to: "b") }),
    (
      .alreadyExists, "a group of a name that is taken",
      withNewFile {
        try $0.createGroup("a")
        try $0.createGroup("a")
      }
    ),
    (
      .alreadyExists, "an attribute of a name that is taken",
      withNewFile {
        try $0.setAttribute("a", .integers([1]))
        try $0.setAttribute("a", .integers([1]))
      }
    ),
    (
      .wrongKind, "a group asked for as a dataset",
      withNewFile {
        try $0.createGroup("a")
        _ = try $0.dataset("a")
      }
    ),
    (.invalidName, "a name with a slash", withNewFile { try $0.createGroup("a/b") }),
    (.invalidName, "an empty name", withNewFile { try $0.createGroup("") }),
    (.invalidName, "a dot as name", withNewFile { try $0.createGroup(".") }),
    (.invalidName, "a null character in a name", withNewFile { try $0.createDataset("a\0", .float32, dimensions: []) }),
    (.invalidName, "an attribute without a name", withNewFile { try $0.setAttribute("", .integers([1])) }),
    (
      .invalidOptions, "chunks for a scalar",
      withNewFile {
        try $0.createDataset("x", .float32, dimensions: [], options: HDF5DatasetOptions(layout: .chunked([])))
      }
    ),
    (
      .invalidOptions, "filters without chunks",
      withNewFile {
        try $0.createDataset("x", .float32, dimensions: [3], options: HDF5DatasetOptions(filters: [.shuffle]))
      }
    ),
    (
      .invalidOptions, "a deflate level of 10",
      withNewFile {
        try $0.createDataset(
          "x", .float32, dimensions: [3],
          options: HDF5DatasetOptions(layout: .chunked([2]), filters: [.deflate(level: 10)]))
      }
    ),
    (
      .invalidOptions, "a fill value of the wrong size",
      withNewFile {
        try $0.createDataset("x", .float32, dimensions: [3], options: HDF5DatasetOptions(fillValue: [1, 2]))
      }
    ),
    (
      .invalidOptions, "33 dimensions",
      withNewFile { try $0.createDataset("x", .float32, dimensions: [UInt64](repeating: 1, count: 33)) }
    ),
    (
      .invalidOptions, "a user block of 100 bytes",
      { try HDF5File.create(at: $0.path("block.h5"), options: HDF5FileOptions(userBlockSize: 100)) { _ in } }
    ),
    (.sizeOverflow, "2^64 bytes", withNewFile { try $0.createDataset("x", .float64, dimensions: [1 << 40, 1 << 21]) }),
    (
      .sizeMismatch, "5 bytes for 2 elements",
      withNewFile { try $0.createDataset("x", .float32, dimensions: [2]).write(bytes: [1, 2, 3, 4, 5]) }
    ),
    (
      .sizeMismatch, "2 strings for 3 elements",
      withNewFile { try $0.createDataset("x", .string(.variableUTF8), dimensions: [3]).write(["a", "b"]) }
    ),
    (
      .sizeMismatch, "3 numbers for an attribute of 2 by 2",
      withNewFile { try $0.setAttribute("a", .integers([1, 2, 3]), dimensions: [2, 2]) }
    ),
    (
      .outOfRange, "a selection beyond the end",
      withNewFile {
        try $0.createDataset("x", .float32, dimensions: [4])
          .write([1, 2, 3] as [Float], to: HDF5Hyperslab(start: [2], count: [3]))
      }
    ),
    (
      .outOfRange, "a selection of another rank",
      withNewFile {
        _ = try $0.createDataset("x", .float32, dimensions: [4]).readBytes(
          HDF5Hyperslab(start: [0, 0], count: [1, 1]))
      }
    ),
    (
      .outOfRange, "a selection that overflows",
      withNewFile {
        _ = try $0.createDataset("x", .float32, dimensions: [4])
          .readBytes(HDF5Hyperslab(start: [1], count: [3], stride: [.max]))
      }
    ),
    (
      .unsupportedType, "numbers into strings",
      withNewFile { try $0.createDataset("x", .string(.variableUTF8), dimensions: [1]).write([1.5]) }
    ),
    (
      .unsupportedType, "24-bit integers",
      withNewFile { try $0.createDataset("x", .integer(bits: 24, isSigned: true), dimensions: [1]) }
    ),
    (.unsupportedType, "a null character in a string", withNewFile { try $0.setAttribute("a", .strings(["a\0b"])) }),
    (
      .unsupportedStorage, "scale and offset",
      withReader("h5py.File(path, 'w').create_dataset('x', data=[1, 2], chunks=(2,), scaleoffset=0)") { _ in }
    ),
    (
      .damagedData, "an empty chunk",
      withReader(
        """
        d = h5py.File(path, 'w').create_dataset('x', (4,), chunks=(4,), compression='gzip')
        d.id.write_direct_chunk((0,), b'x')
        """
      ) { _ = try $0.read() }
    ),
    (
      .limitExceeded, "5,000 attributes",
      { scratch in
        let path = scratch.path("many.h5")
        try scratch.h5py(
          path, [],
          "f = h5py.File(path, 'w', libver='v110')\nfor i in range(5000): f.attrs.create(str(i), 1, dtype='i1')")
        _ = try HDF5File(opening: path).attributes()
      }
    ),
    (
      .libraryFailure, "writing to a file that is open for reading",
      { scratch in
        let path = scratch.path("old.h5")
        try HDF5File.create(at: path) { try $0.createDataset("x", .float32, dimensions: [2]).write([1, 2] as [Float]) }
        try HDF5File(opening: path).createGroup("g")
      }
    ),
    (
      .incompleteFile, "a file that can no longer be written",
      { _ in
        // In a directory of its own, because libhdf5 does not let go of such a file.
        try withTemporaryDirectory { directory in
          try HDF5File.create(at: directory.appending(path: "file.h5").path()) { file in
            try file.createDataset("x", .float32, dimensions: [3]).write([1, 2, 3] as [Float])
            try makeUnwritable(file.path)
          }
        }
      }
    ),
  ]

  /// Puts a descriptor that cannot be written in the place of that of the open file.
  private static func makeUnwritable(_ path: String) throws {
    var wanted = stat()
    let found = stat(path, &wanted)
    try #require(found == 0)
    let readOnly = open("/dev/null", O_RDONLY)
    defer { close(readOnly) }
    let descriptor = try #require(
      (Int32(3)..<1024).first { candidate in
        var status = stat()
        return fstat(candidate, &status) == 0 && status.st_ino == wanted.st_ino && status.st_dev == wanted.st_dev
      })
    // A copy stays open, so that no later file gets the inode that libhdf5 still takes for this one.
    let copy = dup(descriptor)
    try #require(copy >= 0)
    let replaced = dup2(readOnly, descriptor)
    try #require(replaced == descriptor)
  }

  @Test("each cause gives its code", arguments: causes.indices)
  func code(index: Int) throws {
    let (expected, what, cause) = Self.causes[index]
    try withScratch { scratch in
      let thrown = errorCode { try cause(scratch) }
      #expect(thrown == expected, "\(what)")
    }
  }

  @Test("every code has a cause")
  func everyCode() {
    #expect(Set(Self.causes.map(\.code)) == Set(HDF5Error.Code.allCases))
  }

  @Test("control and bidirectional characters of a name are escaped in the text of an error")
  func escaped() throws {
    try withScratch { scratch in
      try HDF5File.create(at: scratch.path("escape.h5")) { file in
        let error = try #require(throws: HDF5Error.self) { _ = try file.dataset("a\u{1B}[2J\u{202E}b") }
        #expect(error.object == "/a\u{1B}[2J\u{202E}b")
        #expect(error.description.contains("'/a\\u{1b}[2J\\u{202e}b'"))
        #expect(!error.description.unicodeScalars.contains("\u{1B}"))
      }
    }
  }
}
