internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

extension HDF5Dataset {
  /// Writes elements from row-major little-endian bytes; nothing is converted but the byte order.
  ///
  /// - Parameter slab: which elements; nil for all. A large dataset may be written slab by slab.
  /// - Throws: ``HDF5Error`` with code `.sizeMismatch` unless there are exactly as many bytes as the selection needs,
  ///   `.outOfRange`, `.unsupportedType` for variable-length strings.
  public func write(_ bytes: UnsafeRawBufferPointer, to slab: HDF5Hyperslab? = nil) throws {
    // Safe because the transfer is made for the size of the buffer.
    try unsafe transferOut(Transfer(self, slab, as: byteType(), bufferSize: bytes.count), bytes)
  }

  /// Writes elements from row-major little-endian bytes.
  ///
  /// - Throws: as ``write(_:to:)``.
  public func write(bytes: [UInt8], to slab: HDF5Hyperslab? = nil) throws {
    // Safe because the buffer lives for the call.
    try unsafe bytes.withUnsafeBytes { try unsafe write($0, to: slab) }
  }

  /// Writes numbers; libhdf5 converts where the file has another type.
  ///
  /// - Throws: ``HDF5Error`` with code `.sizeMismatch`, `.outOfRange`, or `.unsupportedType` if the elements are not
  ///   numbers.
  public func write<Scalar: HDF5Scalar>(_ values: [Scalar], to slab: HDF5Hyperslab? = nil) throws {
    switch elementType {
    case .integer, .float16, .bfloat16, .float32, .float64: break
    default: throw HDF5Error(.unsupportedType, "the elements are \(elementType), not numbers", at: handle)
    }
    // Safe because the buffer lives for the call and its elements have the layout of the type.
    try unsafe values.withUnsafeBytes {
      let type = try Datatype(Scalar.elementType, at: handle)
      try unsafe transferOut(Transfer(self, slab, as: type, bufferSize: $0.count), $0)
    }
  }

  /// Writes all strings of a dataset of variable-length strings.
  ///
  /// - Throws: ``HDF5Error`` with code `.unsupportedType` if the elements are something else or a string holds a null
  ///   character, `.sizeMismatch` unless there are as many strings as elements.
  public func write(_ strings: [String]) throws {
    guard case .string(let string) = elementType, string.fixedLength == nil else {
      throw HDF5Error(.unsupportedType, "the elements are \(elementType), not variable-length strings", at: handle)
    }
    // Safe because there is one pointer for each string, and the transfer is made for as many.
    try unsafe withVariableStrings(strings, at: handle) { pointers in
      let size = unsafe strings.count * MemoryLayout<UnsafeRawPointer>.size
      let transfer = try Transfer(self, nil, as: fileType(), bufferSize: size)
      try unsafe transferOut(transfer, UnsafeRawBufferPointer(start: pointers, count: size))
    }
  }

  private func transferOut(_ transfer: borrowing Transfer, _ buffer: UnsafeRawBufferPointer) throws(HDF5Error) {
    guard !transfer.isEmpty else { return }
    // Safe because the buffer has the size of the selected elements in the type of the transfer.
    try check("write '\(path)'", at: handle) {
      unsafe H5Dwrite(
        handle.raw, transfer.type.raw, transfer.memory.raw, transfer.file.raw, chdf5_default(), buffer.baseAddress)
    }
  }
}
