import Foundation
import TensorFerryHDF5Reading
import TensorFerryTestSupport

/// The files of `Fixtures/hdf5/menagerie.py` and what h5py reads from them, made once in a run.
enum Menagerie {
  struct Dataset {
    let file: String
    let path: String
    /// Row-major and little-endian, in hexadecimal.
    let hex: String
  }

  static let versions = ["earliest", "v108", "v110", "v112", "v114", "latest"]
  static let kinds = ["types", "storage", "attributes", "links", "shared"]
  static let files = kinds.flatMap { kind in versions.map { "\(kind)-\($0).h5" } } + blocks
  private static let blocks = ["types-v108-block.h5", "storage-v110-block.h5"]

  static let made: Result<(directory: URL, datasets: [Dataset]), any Error> = Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "menagerie-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try python(script: Project.root.appending(path: "Fixtures/hdf5/menagerie.py"), [directory.path()])
    let lines = try String(contentsOf: directory.appending(path: "expected.tsv"), encoding: .utf8)
    let datasets = lines.split(separator: "\n").map { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      return Dataset(file: fields[0], path: fields[1], hex: fields[2])
    }
    return (directory, datasets)
  }

  static func path(_ file: String) throws -> String { try made.get().directory.appending(path: file).path() }
}

/// The bytes of a file in memory.
struct MemorySource: HDF5ByteSource {
  struct BeyondTheEnd: Error {}

  let bytes: [UInt8]

  var byteCount: UInt64 { UInt64(bytes.count) }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard offset <= byteCount, UInt64(buffer.count) <= byteCount - offset else { throw BeyondTheEnd() }
    buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + buffer.count])
  }
}

func contents(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

extension [UInt8] {
  /// Two digits a byte.
  var hex: String {
    let digits = Swift.Array("0123456789abcdef".utf8)
    return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
