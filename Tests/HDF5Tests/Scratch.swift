import Foundation
import TensorFerryHDF5
import TensorFerryTestSupport
import Testing

/// Runs `body` with an empty directory, and expects that afterwards no HDF5 object of a file in it is open.
@discardableResult
func withScratch<Result>(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (Scratch) throws -> Result
) throws -> Result {
  try withTemporaryDirectory { directory in
    let result = Swift.Result { try body(Scratch(directory: directory)) }
    #expect(
      OpenObjects.count(below: directory.path()) == 0, "HDF5 objects are still open", sourceLocation: sourceLocation)
    return try result.get()
  }
}

struct Scratch {
  let directory: URL

  func path(_ name: String) -> String { directory.appending(path: name).path() }

  /// Runs h5py code that writes the file `path`; `arguments` are `args`.
  @discardableResult
  func h5py(_ path: String, _ arguments: [String] = [], _ code: String) throws -> String {
    try python(
      """
      import sys, h5py, numpy as np
      path, args = sys.argv[1], sys.argv[2:]

      """ + code, [path] + arguments)
  }

  func contents(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path)))
  }

  func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
  }
}

/// The bytes of a file in memory.
struct MemorySource: HDF5ByteSource {
  struct BeyondTheEnd: Error {}

  let bytes: [UInt8]

  init(_ path: String) throws { bytes = Array(try Data(contentsOf: URL(filePath: path))) }

  init(bytes: [UInt8]) { self.bytes = bytes }

  var byteCount: UInt64 { UInt64(bytes.count) }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard offset <= byteCount, UInt64(buffer.count) <= byteCount - offset else { throw BeyondTheEnd() }
    buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + buffer.count])
  }
}

extension HDF5Inventory {
  /// The dataset at that path, if there is one that could be described.
  func dataset(_ path: String) -> HDF5DatasetDescription? {
    for case .dataset(let description) in links.filter({ $0.path == path }).map(\.target) { return description }
    return nil
  }

  func target(_ path: String) -> HDF5Link.Target? { links.first { $0.path == path }?.target }
}

extension HDF5DatasetDescription {
  /// Why the data is not read, if it is not.
  var refusal: String? {
    if case .refused(let reason) = storage { reason } else { nil }
  }
}

extension [UInt8] {
  var hex: String { map { String(format: "%02x", $0) }.joined() }

  init(hex: some StringProtocol) {
    let digits = Swift.Array(hex.utf8)
    self = stride(from: 0, to: digits.count, by: 2).map { index in
      UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)!
    }
  }
}

/// The code of the ``HDF5Error`` that `body` throws; nil if it throws nothing, and a failure if it throws another one.
func errorCode(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) -> HDF5Error.Code? {
  do {
    try body()
    return nil
  } catch let error as HDF5Error {
    return error.code
  } catch {
    Issue.record(error, sourceLocation: sourceLocation)
    return nil
  }
}
