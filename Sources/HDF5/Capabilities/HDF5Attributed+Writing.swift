internal import CTensorFerryHDF5
public import TensorFerryHDF5Reading

extension HDF5Attributed where Self: ~Copyable {
  /// Adds an attribute.
  ///
  /// Integers become int64, unsigned integers uint64, floats float64, strings variable-length UTF-8, all
  /// little-endian. `.null` becomes a float64 attribute with a null dataspace, as h5py writes `Empty('f8')`.
  ///
  /// - Parameter dimensions: if nil, one value becomes a scalar and any other number a vector.
  /// - Throws: ``HDF5Error`` with code `.alreadyExists`, `.invalidName`, `.sizeMismatch` if the dimensions have another
  ///   product than the number of values, or `.unsupportedType` for `.unsupported` values.
  public func setAttribute(_ name: String, _ value: HDF5AttributeValue, dimensions: [UInt64]? = nil) throws {
    let shape = dimensions ?? (value.count == 1 ? [] : [UInt64(value.count)])
    switch value {
    case .integers(let values):
      try setAttribute(
        name, bytes: littleEndianBytes(values), type: .integer(bits: 64, isSigned: true), dimensions: shape)
    case .unsigned(let values):
      try setAttribute(
        name, bytes: littleEndianBytes(values), type: .integer(bits: 64, isSigned: false), dimensions: shape)
    case .floats(let values):
      try setAttribute(name, bytes: littleEndianBytes(values.map(\.bitPattern)), type: .float64, dimensions: shape)
    case .strings(let values): try setStrings(name, values, dimensions: shape)
    case .null: try setAttribute(name, bytes: [], type: .float64, dimensions: nil)
    case .unsupported(let description):
      throw HDF5Error(.unsupportedType, "cannot write the attribute '\(name)': \(description)", at: handle)
    }
  }

  /// Adds an attribute of any type of fixed size.
  ///
  /// - Parameters:
  ///   - bytes: the elements, row-major and little-endian.
  ///   - dimensions: `[]` for a scalar, nil for a null dataspace.
  /// - Throws: ``HDF5Error`` with code `.alreadyExists`, `.invalidName`, `.sizeMismatch` or `.unsupportedType`.
  public func setAttribute(
    _ name: String, bytes: [UInt8], type: HDF5ElementType, isBigEndian: Bool = false, dimensions: [UInt64]?
  ) throws {
    let place = handle
    guard let size = type.byteCount else {
      throw HDF5Error(.unsupportedType, "cannot write \(type) from bytes", at: place)
    }
    let expected = dimensions.map { checkedByteCount($0, elementSize: size) } ?? 0
    guard bytes.count == expected else {
      throw HDF5Error(
        .sizeMismatch, "\(bytes.count) bytes for an attribute of \(expected.map(String.init) ?? "2^63 or more")",
        at: place)
    }
    let attribute = try createAttribute(
      name, Datatype(type, isBigEndian: isBigEndian, at: place), dimensions, at: place)
    guard !bytes.isEmpty else { return }
    let memory = try Datatype(type, at: place)
    // Safe because the bytes have been found to be as many as the elements of the memory type take.
    try check("write the attribute '\(name)'", at: place) { unsafe H5Awrite(attribute.raw, memory.raw, bytes) }
  }

  private func setStrings(_ name: String, _ strings: [String], dimensions: [UInt64]) throws {
    let place = handle
    guard checkedByteCount(dimensions, elementSize: 1) == strings.count else {
      throw HDF5Error(.sizeMismatch, "\(strings.count) strings for an attribute of shape \(dimensions)", at: place)
    }
    // Safe because there is one pointer for each string, and the attribute has as many elements.
    try unsafe withVariableStrings(strings, at: place) { pointers in
      let type = try Datatype(.string(.variableUTF8), at: place)
      let attribute = try createAttribute(name, type, dimensions, at: place)
      guard !strings.isEmpty else { return }
      try check("write the attribute '\(name)'", at: place) { unsafe H5Awrite(attribute.raw, type.raw, pointers) }
    }
  }
}

private func createAttribute(
  _ name: String, _ type: borrowing Datatype, _ dimensions: [UInt64]?, at place: HDF5Handle
) throws(HDF5Error) -> Identifier {
  guard !name.isEmpty, !name.utf8.contains(0) else {
    throw HDF5Error(.invalidName, "the attribute name '\(name)' is empty or holds a null character", at: place)
  }
  // Safe because the library keeps no pointer to the name.
  let isTaken = try check("look for the attribute '\(name)'", at: place) { unsafe H5Aexists(place.raw, name) } > 0
  guard !isTaken else {
    throw HDF5Error(.alreadyExists, "there is an attribute '\(name)' already", at: place)
  }
  let space = try Dataspace(dimensions, at: place)
  let properties = try Identifier("make a property list", at: place) { H5Pcreate(chdf5_class_attribute_creation()) }
  try check("set the encoding of a name", at: place) { H5Pset_char_encoding(properties.raw, H5T_CSET_UTF8) }
  return try Identifier("create the attribute '\(name)'", at: place) {
    // Safe because the library copies the name.
    unsafe H5Acreate2(place.raw, name, type.raw, space.raw, properties.raw, chdf5_default())
  }
}

func littleEndianBytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(words.count * MemoryLayout<Word>.size)
  for word in words {
    for shift in stride(from: 0, to: Word.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
  }
  return bytes
}
