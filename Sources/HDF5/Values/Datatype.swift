internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// A datatype of libhdf5, with the description that this library gives it.
struct Datatype: ~Copyable {
  let identifier: Identifier
  let element: HDF5ElementType
  let isBigEndian: Bool

  var raw: Int64 { identifier.raw }

  /// Makes a new type.
  ///
  /// - Throws: ``HDF5Error`` with code `.unsupportedType` for types that exist only in descriptions.
  init(_ element: HDF5ElementType, isBigEndian: Bool = false, at place: HDF5Handle) throws(HDF5Error) {
    identifier = try Self.make(element, isBigEndian: isBigEndian, at: place)
    self.element = element
    self.isBigEndian = isBigEndian && element.swapWidth > 1
  }

  /// Describes the type that `call` returns.
  init(_ operation: @autoclosure () -> String, at place: HDF5Handle, adopting call: () -> Int64) throws(HDF5Error) {
    let identifier = try Identifier(operation(), at: place, adopting: call)
    (element, isBigEndian) = try DatatypeDescriber(place: place).describe(identifier)
    self.identifier = identifier
  }

  /// The size of one element in memory, in bytes: that of a pointer for variable-length strings.
  func byteCount(at place: HDF5Handle) throws(HDF5Error) -> Int {
    try check("read the size of the type", at: place) { Int(H5Tget_size(raw)) }
  }

  private static func make(
    _ element: HDF5ElementType, isBigEndian: Bool, at place: HDF5Handle
  ) throws(HDF5Error) -> Identifier {
    func copy(_ type: () -> Int64) throws(HDF5Error) -> Identifier {
      let copy = try Identifier("copy a type", at: place) { H5Tcopy(type()) }
      if isBigEndian { try check("set the byte order", at: place) { H5Tset_order(copy.raw, H5T_ORDER_BE) } }
      return copy
    }
    switch element {
    case .integer(bits: 8, isSigned: true): return try copy(chdf5_i8le)
    case .integer(bits: 16, isSigned: true): return try copy(chdf5_i16le)
    case .integer(bits: 32, isSigned: true): return try copy(chdf5_i32le)
    case .integer(bits: 64, isSigned: true): return try copy(chdf5_i64le)
    case .integer(bits: 8, isSigned: false): return try copy(chdf5_u8le)
    case .integer(bits: 16, isSigned: false): return try copy(chdf5_u16le)
    case .integer(bits: 32, isSigned: false): return try copy(chdf5_u32le)
    case .integer(bits: 64, isSigned: false): return try copy(chdf5_u64le)
    case .float32: return try copy(chdf5_f32le)
    case .float64: return try copy(chdf5_f64le)
    case .float16, .bfloat16:
      let layout: FloatLayout = element == .float16 ? .float16 : .bfloat16
      let half = try copy(chdf5_f32le)
      try check("set the fields of \(element)", at: place) {
        H5Tset_fields(
          half.raw, Int(layout.sign), Int(layout.exponent), Int(layout.exponentSize), Int(layout.mantissa),
          Int(layout.mantissaSize))
      }
      try check("set the size of \(element)", at: place) { H5Tset_size(half.raw, 2) }
      try check("set the bias of \(element)", at: place) { H5Tset_ebias(half.raw, Int(layout.bias)) }
      return half
    case .bool:
      let bool = try Identifier("make the type bool", at: place) { H5Tenum_create(chdf5_i8le()) }
      for (name, value) in [("FALSE", Int8(0)), ("TRUE", Int8(1))] {
        try check("name the values of bool", at: place) {
          // Safe because the library copies the name and the one byte that the base type has.
          unsafe withUnsafePointer(to: value) { unsafe H5Tenum_insert(bool.raw, name, $0) }
        }
      }
      return bool
    case .complex64, .complex128:
      let part = try make(element == .complex64 ? .float32 : .float64, isBigEndian: isBigEndian, at: place)
      let size = element == .complex64 ? 4 : 8
      let compound = try Identifier("make the type \(element)", at: place) { H5Tcreate(H5T_COMPOUND, 2 * size) }
      for (name, offset) in [("r", 0), ("i", size)] {
        // Safe because the library copies the name.
        try check("add a member to \(element)", at: place) { unsafe H5Tinsert(compound.raw, name, offset, part.raw) }
      }
      return compound
    case .string(let string): return try make(string, at: place)
    case .opaque(let size, let tag):
      guard size > 0, tag.utf8.count < 256, !tag.utf8.contains(0) else {
        throw HDF5Error(
          .unsupportedType,
          "opaque type of \(size) bytes with a tag of \(tag.utf8.count); allowed: 1 or more, 0 to 255",
          at: place)
      }
      let opaque = try Identifier("make an opaque type", at: place) { H5Tcreate(H5T_OPAQUE, size) }
      // Safe because the library copies the tag.
      try check("set the tag of an opaque type", at: place) { unsafe H5Tset_tag(opaque.raw, tag) }
      return opaque
    case .integer, .unsupported:
      throw HDF5Error(.unsupportedType, "cannot make the type \(element)", at: place)
    }
  }

  private static func make(_ string: HDF5StringType, at place: HDF5Handle) throws(HDF5Error) -> Identifier {
    if let length = string.fixedLength, length < 1 {
      throw HDF5Error(.unsupportedType, "a string of \(length) bytes, the least is 1", at: place)
    }
    let type = try Identifier("copy a type", at: place) { H5Tcopy(chdf5_c_string()) }
    let size = string.fixedLength ?? Int(truncatingIfNeeded: chdf5_variable_length())
    try check("set the length of a string", at: place) { H5Tset_size(type.raw, size) }
    let encoding = string.encoding == .utf8 ? H5T_CSET_UTF8 : H5T_CSET_ASCII
    try check("set the encoding of a string", at: place) { H5Tset_cset(type.raw, encoding) }
    let padding =
      switch string.padding {
      case .nullTerminated: H5T_STR_NULLTERM
      case .nullPadded: H5T_STR_NULLPAD
      case .spacePadded: H5T_STR_SPACEPAD
      }
    try check("set the padding of a string", at: place) { H5Tset_strpad(type.raw, padding) }
    return type
  }
}
