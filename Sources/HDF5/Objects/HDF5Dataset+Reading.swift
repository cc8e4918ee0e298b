internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

extension HDF5Dataset {
  /// Reads elements as row-major little-endian bytes into `buffer`.
  ///
  /// - Parameter slab: which elements; nil for all.
  /// - Throws: ``HDF5Error`` with code `.sizeMismatch` unless `buffer` has exactly the size of the selection,
  ///   `.outOfRange`, `.unsupportedType` for variable-length strings and types that are not supported.
  public func read(_ slab: HDF5Hyperslab? = nil, into buffer: UnsafeMutableRawBufferPointer) throws {
    // Safe because the transfer is made for the size of the buffer.
    try unsafe transferIn(Transfer(self, slab, as: byteType(), bufferSize: buffer.count), buffer)
  }

  /// Reads elements as row-major little-endian bytes.
  ///
  /// - Throws: as ``read(_:into:)``.
  public func readBytes(_ slab: HDF5Hyperslab? = nil) throws -> [UInt8] {
    let transfer = try Transfer(self, slab, as: byteType(), bufferSize: nil)
    var bytes = [UInt8](repeating: 0, count: transfer.byteCount)
    // Safe because the buffer lives for the call and has the size of the transfer.
    try unsafe bytes.withUnsafeMutableBytes { try unsafe transferIn(transfer, $0) }
    return bytes
  }

  /// Reads elements as numbers of type `Scalar`; libhdf5 converts where the file has another type.
  ///
  /// - Throws: ``HDF5Error`` with code `.unsupportedType` if the elements are not numbers, or `.outOfRange`.
  public func read<Scalar: HDF5Scalar>(_ slab: HDF5Hyperslab? = nil, as scalar: Scalar.Type) throws -> [Scalar] {
    switch elementType {
    case .integer, .float16, .bfloat16, .float32, .float64: break
    default:
      throw HDF5Error(.unsupportedType, "the elements are \(elementType), not numbers", at: handle)
    }
    let type = try Datatype(Scalar.elementType, at: handle)
    let transfer = try Transfer(self, slab, as: type, bufferSize: nil)
    let count = transfer.byteCount / MemoryLayout<Scalar>.stride
    // Safe because the library fills the buffer, which is zeroed before, with elements of the layout of `Scalar`.
    return try unsafe [Scalar](unsafeUninitializedCapacity: count) { buffer, initialized in
      let raw = unsafe UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: transfer.byteCount)
      unsafe raw.initializeMemory(as: UInt8.self, repeating: 0)
      try unsafe transferIn(transfer, raw)
      initialized = count
    }
  }

  /// Reads all strings of a dataset of strings, of fixed or variable length, row-major.
  ///
  /// - Throws: ``HDF5Error`` with code `.unsupportedType` if the elements are not strings, or one is not UTF-8.
  public func readStrings() throws -> [String] {
    guard case .string(let string) = elementType else {
      throw HDF5Error(.unsupportedType, "the elements are \(elementType), not strings", at: handle)
    }
    let texts: [String?]?
    if let length = string.fixedLength {
      let bytes = try readBytes()
      texts = stride(from: 0, to: bytes.count, by: length).map { string.text(of: bytes[$0..<$0 + length]) }
    } else {
      let space = try space()
      let type = try fileType()
      texts =
        try space.isNull
        ? []
        : unsafe readVariableStrings("read '\(path)'", type: type, space: space, at: handle) { buffer in
          // Safe because the buffer has one pointer for each element of the dataset, in the dataset's own type.
          unsafe H5Dread(handle.raw, type.raw, chdf5_all(), chdf5_all(), chdf5_default(), buffer)
        }
    }
    guard let texts, !texts.contains(nil) else {
      throw HDF5Error(.unsupportedType, "one of the strings is not UTF-8", at: handle)
    }
    return texts.compactMap(\.self)
  }

  private func transferIn(_ transfer: borrowing Transfer, _ buffer: UnsafeMutableRawBufferPointer) throws(HDF5Error) {
    guard !transfer.isEmpty else { return }
    // Safe because the buffer has the size of the selected elements in the type of the transfer.
    try check("read '\(path)'", at: handle) {
      unsafe H5Dread(
        handle.raw, transfer.type.raw, transfer.memory.raw, transfer.file.raw, chdf5_default(), buffer.baseAddress)
    }
  }
}
