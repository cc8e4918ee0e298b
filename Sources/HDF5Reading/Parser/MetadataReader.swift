/// The structures of one open HDF5 file, as the "HDF5 File Format Specification Version 3.0" has them.
///
/// https://support.hdfgroup.org/documentation/hdf5/latest/_s_p_e_c.html
///
/// Its extensions read one kind of structure each. They throw ``ParseError``, and ``HDF5Error`` if the system does not
/// read the file.
final class MetadataReader {
  let file: MetadataFile
  private(set) var superblock = Superblock()
  /// The collections of the global heap, by their addresses.
  var collections = CollectionCache()
  /// The heaps of shared messages, by the type of message.
  var sharedHeaps: [UInt8: FractalHeap] = [:]
  private var keptBytes: UInt64 = 0
  private var keptChunks: UInt64 = 0

  /// - Throws: ``HDF5Error`` with code `.unreadableFile`, `.notHDF5`, `.damagedFile`, or `.unsupportedStorage` for a
  ///   version of the format that is not read.
  init(_ path: String) throws(HDF5Error) {
    file = try MetadataFile(path)
    do {
      superblock = try readSuperblock()
    } catch {
      throw HDF5Error(error, "cannot open the file", path: path)
    }
  }

  func bytes(at address: UInt64, count: Int) throws -> ByteReader {
    try file.bytes(at: address, count: count, sizes: superblock.sizes)
  }

  func bytes(at address: UInt64, length: UInt64) throws -> ByteReader {
    guard let count = Int(exactly: length) else {
      throw ParseError("\(length) bytes are needed at address \(address), the file has \(file.byteCount)")
    }
    return try bytes(at: address, count: count)
  }

  /// Where in the file an address is. One that does not fit is beyond the file, which validation finds.
  func offset(of address: UInt64) -> UInt64 {
    let (offset, overflow) = address.addingReportingOverflow(file.base)
    return overflow ? .max : offset
  }

  /// Counts what is about to be kept in memory.
  func keep(bytes count: Int) throws {
    keptBytes += UInt64(count)
    let limit = ParserLimits.keptBytes(fileSize: file.byteCount)
    guard keptBytes <= limit else { throw ParseError.limit("bytes of names and attributes", keptBytes, limit) }
  }

  func keep(chunks count: Int) throws {
    keptChunks += UInt64(count)
    let limit = ParserLimits.keptChunks(fileSize: file.byteCount)
    guard keptChunks <= limit else { throw ParseError.limit("chunks in all datasets", keptChunks, limit) }
  }
}

extension HDF5Error {
  /// The error that the caller sees for one that stopped the parser.
  init(_ error: any Error, _ operation: String, path: String, object: String? = nil) {
    switch error {
    case let error as ParseError:
      self.init(error.code, "\(operation): \(error.reason)", path: path, object: object)
    case let error as HDF5Error: self = error
    default: self.init(.unreadableFile, "\(operation): \(error)", path: path, object: object)
    }
  }
}
