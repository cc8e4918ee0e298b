/// Where ``HDF5DatasetReader`` reads the bytes of a file.
public protocol HDF5ByteSource: Sendable {
  /// The size of the file.
  var byteCount: UInt64 { get }

  /// Fills `buffer` with the bytes from `offset` on. May be called from several tasks at once.
  ///
  /// - Throws: if the file does not have them.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws
}
