internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// Reads variable-length strings, which the library allocates, and gives their memory back.
///
/// - Returns: the strings in order, or nil if one of them is not UTF-8. A null pointer is an empty string.
func readVariableStrings(
  _ operation: @autoclosure () -> String, type: borrowing Datatype, space: borrowing Dataspace, at place: HDF5Handle,
  _ read: (UnsafeMutableRawPointer) -> Int32
) throws(HDF5Error) -> [String]? {
  guard let count = checkedByteCount(space.dimensions, elementSize: 1) else {
    throw HDF5Error(.sizeOverflow, "\(space.dimensions) strings", at: place)
  }
  guard count > 0 else { return [] }
  var texts: [String?] = []
  try check(operation(), at: place) {
    // Safe because the buffer has one pointer for each string, all null until the library sets them; what it set is
    // copied and given back inside of the same locked call, after which the pointers are not used.
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: count)
    defer { unsafe pointers.deallocate() }
    unsafe pointers.initialize(repeating: nil, count: count)
    let status = unsafe read(UnsafeMutableRawPointer(pointers))
    // The stack of the read must survive until `check` copies it, so nothing is called after a failure.
    guard status >= 0 else { return status }
    for index in 0..<count {
      texts.append(unsafe pointers[index].map { unsafe String(validatingCString: $0) } ?? "")
    }
    return unsafe chdf5_reclaim(type.raw, space.raw, pointers)
  }
  let valid = texts.compactMap(\.self)
  return valid.count == texts.count ? valid : nil
}

/// Calls `body` with one pointer to a null-terminated text for each string.
///
/// - Throws: ``HDF5Error`` with code `.unsupportedType` if a string holds a null character, which would cut it short.
func withVariableStrings<Result>(
  _ strings: [String], at place: HDF5Handle, _ body: (UnsafeRawPointer) throws -> Result
) throws -> Result {
  for string in strings where string.utf8.contains(0) {
    throw HDF5Error(.unsupportedType, "a variable-length string cannot hold a null character", at: place)
  }
  // Safe because every copy is allocated here with its final null, lives for the call, and is freed once.
  let pointers: [UnsafeMutablePointer<CChar>] = unsafe strings.map { string in
    let text = Array(string.utf8CString)
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
    unsafe copy.initialize(from: text, count: text.count)
    return unsafe copy
  }
  defer { unsafe pointers.forEach { unsafe $0.deallocate() } }
  return try unsafe pointers.withUnsafeBytes { buffer in
    // An empty array has no address; the library does not look at it then, but wants one.
    var nothing: UInt8 = 0
    return try unsafe withUnsafePointer(to: &nothing) { nothing in
      try unsafe body(buffer.baseAddress ?? UnsafeRawPointer(nothing))
    }
  }
}
