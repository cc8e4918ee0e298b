internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// Finds out what a datatype of libhdf5 is. Whatever differs in any detail from a known type is unsupported.
struct DatatypeDescriber {
  let place: HDF5Handle

  func describe(_ type: borrowing Identifier) throws(HDF5Error) -> (HDF5ElementType, isBigEndian: Bool) {
    let kind = try check("read the class of the type", at: place) { H5Tget_class(type.raw).rawValue }
    let size = try check("read the size of the type", at: place) { Int(H5Tget_size(type.raw)) }
    switch H5T_class_t(rawValue: kind) {
    case H5T_INTEGER: return try describeInteger(type, size: size)
    case H5T_FLOAT: return try describeFloat(type, size: size)
    case H5T_ENUM: return (try describeEnumeration(type, size: size), false)
    case H5T_COMPOUND: return try describeCompound(type, size: size)
    case H5T_STRING: return (try describeString(type, size: size), false)
    case H5T_OPAQUE: return (.opaque(size: size, tag: try tag(of: type)), false)
    case H5T_BITFIELD: return (.unsupported("a bit field of \(size) bytes"), false)
    case H5T_REFERENCE: return (.unsupported("a reference"), false)
    case H5T_VLEN: return (.unsupported("variable-length sequences"), false)
    case H5T_ARRAY: return (.unsupported("arrays of \(size) bytes as elements"), false)
    case H5T_TIME: return (.unsupported("a time"), false)
    default: return (.unsupported("type class \(kind)"), false)
    }
  }

  /// True for big-endian; nil for orders that are neither (VAX, mixed).
  private func isBigEndian(_ type: borrowing Identifier) throws(HDF5Error) -> Bool? {
    let order = try check("read the byte order", at: place) { H5Tget_order(type.raw).rawValue }
    switch H5T_order_t(rawValue: order) {
    case H5T_ORDER_LE: return false
    case H5T_ORDER_BE: return true
    default: return nil
    }
  }

  private func describeInteger(
    _ type: borrowing Identifier, size: Int
  ) throws(HDF5Error) -> (HDF5ElementType, isBigEndian: Bool) {
    let precision = try check("read the precision", at: place) { Int(H5Tget_precision(type.raw)) }
    let offset = try check("read the bit offset", at: place) { H5Tget_offset(type.raw) }
    let sign = try check("read the sign", at: place) { H5Tget_sign(type.raw).rawValue }
    guard [1, 2, 4, 8].contains(size), precision == 8 * size, offset == 0, let isBigEndian = try isBigEndian(type)
    else {
      return (.unsupported("an integer of \(precision) bits in \(size) bytes"), false)
    }
    return (.integer(bits: precision, isSigned: H5T_sign_t(rawValue: sign) == H5T_SGN_2), isBigEndian && size > 1)
  }

  private func describeFloat(
    _ type: borrowing Identifier, size: Int
  ) throws(HDF5Error) -> (HDF5ElementType, isBigEndian: Bool) {
    let fields = Library.call { chdf5_float_fields_of(type.raw) }
    try check("read the fields of a float", at: place) { fields.status }
    let precision = try check("read the precision", at: place) { Int(H5Tget_precision(type.raw)) }
    let offset = try check("read the bit offset", at: place) { H5Tget_offset(type.raw) }
    let layout = FloatLayout(
      size: UInt64(size), sign: fields.sign, exponent: fields.exponent, exponentSize: fields.exponent_size,
      mantissa: fields.mantissa, mantissaSize: fields.mantissa_size, bias: fields.bias)
    guard let element = layout.element, fields.has_implied_bit != 0, precision == 8 * size, offset == 0,
      let isBigEndian = try isBigEndian(type)
    else {
      return (
        .unsupported(
          "a float of \(size) bytes with \(layout.exponentSize) bits of exponent (bias \(layout.bias)) and "
            + "\(layout.mantissaSize) of mantissa"), false
      )
    }
    return (element, isBigEndian)
  }

  /// h5py's bool: an enumeration over a one-byte integer with exactly the values 0 and 1.
  private func describeEnumeration(_ type: borrowing Identifier, size: Int) throws(HDF5Error) -> HDF5ElementType {
    let count = try check("count the values of an enumeration", at: place) { H5Tget_nmembers(type.raw) }
    guard size == 1, count == 2 else { return .unsupported("an enumeration of \(count) values in \(size) bytes") }
    var values: [UInt8] = []
    for index in 0..<UInt32(count) {
      var value: UInt8 = 0
      // Safe because a value is as large as the type, which is one byte.
      try check("read a value of an enumeration", at: place) { unsafe H5Tget_member_value(type.raw, index, &value) }
      values.append(value)
    }
    return values.sorted() == [0, 1] ? .bool : .unsupported("an enumeration of the values \(values)")
  }

  /// h5py's complex: a compound of two floats of one kind, without padding.
  private func describeCompound(
    _ type: borrowing Identifier, size: Int
  ) throws(HDF5Error) -> (HDF5ElementType, isBigEndian: Bool) {
    let count = try check("count the members of a compound", at: place) { H5Tget_nmembers(type.raw) }
    let unsupported = HDF5ElementType.unsupported("a compound of \(count) members")
    guard count == 2, size == 8 || size == 16 else { return (unsupported, false) }
    var parts: [HDF5ElementType] = []
    var orders: [Bool] = []
    for index in 0..<UInt32(2) {
      guard Library.call({ H5Tget_member_offset(type.raw, index) }) == Int(index) * size / 2 else {
        return (unsupported, false)
      }
      let member = try Identifier("read a member of a compound", at: place) { H5Tget_member_type(type.raw, index) }
      let kind = try check("read the class of a member", at: place) { H5Tget_class(member.raw).rawValue }
      guard H5T_class_t(rawValue: kind) == H5T_FLOAT else { return (unsupported, false) }
      let (element, isBigEndian) = try describe(member)
      parts.append(element)
      orders.append(isBigEndian)
    }
    guard orders[0] == orders[1] else { return (unsupported, false) }
    switch (parts[0], parts[1], size) {
    case (.float32, .float32, 8): return (.complex64, orders[0])
    case (.float64, .float64, 16): return (.complex128, orders[0])
    default: return (unsupported, false)
    }
  }

  private func describeString(_ type: borrowing Identifier, size: Int) throws(HDF5Error) -> HDF5ElementType {
    let isVariable = try check("read the kind of a string", at: place) { H5Tis_variable_str(type.raw) } > 0
    let encoding = try check("read the encoding of a string", at: place) { H5Tget_cset(type.raw).rawValue }
    let padding = try check("read the padding of a string", at: place) { H5Tget_strpad(type.raw).rawValue }
    let paddings: [HDF5StringType.Padding] = [.nullTerminated, .nullPadded, .spacePadded]
    guard encoding <= 1, padding < paddings.count else {
      return .unsupported("a string with encoding \(encoding) and padding \(padding)")
    }
    return .string(
      HDF5StringType(
        fixedLength: isVariable ? nil : size, encoding: encoding == H5T_CSET_UTF8.rawValue ? .utf8 : .ascii,
        padding: paddings[Int(padding)]))
  }

  private func tag(of type: borrowing Identifier) throws(HDF5Error) -> String {
    Library.call {
      // Safe because the library returns a null-terminated copy, which is copied again and given back.
      guard let tag = unsafe H5Tget_tag(type.raw) else { return "" }
      defer { unsafe H5free_memory(tag) }
      return unsafe String(cString: tag)
    }
  }
}
