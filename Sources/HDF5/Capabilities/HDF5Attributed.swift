internal import CTensorFerryHDF5
public import TensorFerryHDF5Reading

/// What has attributes: a file (those of its root group), a group, a dataset.
public protocol HDF5Attributed: ~Copyable {
  var handle: HDF5Handle { get }
}

/// The most attributes of one object, and the most bytes of one attribute, that are read.
private let attributeLimit = 4096
private let attributeByteLimit = 64 << 20

extension HDF5Attributed where Self: ~Copyable {
  /// All attributes, in the order of their creation where the object keeps it, else by name.
  ///
  /// Types and contents that are not read come as `.unsupported`.
  ///
  /// - Throws: ``HDF5Error`` with code `.limitExceeded` for more than 4096 attributes.
  public func attributes() throws -> [HDF5Attribute] {
    try readAttributes(of: handle)
  }

  /// The attribute of that name.
  ///
  /// - Throws: ``HDF5Error`` with code `.notFound` if there is none.
  public func attribute(_ name: String) throws -> HDF5Attribute {
    guard try hasAttribute(name) else {
      throw HDF5Error(.notFound, "there is no attribute '\(name)'", at: handle)
    }
    return try readAttribute(name, of: handle)
  }

  /// True if there is an attribute of that name.
  public func hasAttribute(_ name: String) throws -> Bool {
    let place = handle
    // A null character would cut the name short.
    guard !name.utf8.contains(0) else { return false }
    // Safe because the library keeps no pointer to the name.
    return try check("look for the attribute '\(name)'", at: place) { unsafe H5Aexists(place.raw, name) } > 0
  }
}

/// - Parameter keepsFailures: true to return attributes that cannot be read as `.unsupported`, with the reason.
func readAttributes(of place: HDF5Handle, keepsFailures: Bool = false) throws(HDF5Error) -> [HDF5Attribute] {
  let names = try attributeNames(of: place)
  guard names.count <= attributeLimit else {
    throw HDF5Error(.limitExceeded, "more than the \(attributeLimit) attributes that are read", at: place)
  }
  var attributes: [HDF5Attribute] = []
  for name in names {
    guard let text = name.text else {
      attributes.append(HDF5Attribute(name: name.display, value: .unsupported("its name is not UTF-8")))
      continue
    }
    do {
      attributes.append(try readAttribute(text, of: place))
    } catch {
      guard keepsFailures else { throw error }
      attributes.append(HDF5Attribute(name: text, value: .unsupported(error.cause)))
    }
  }
  return attributes
}

private func attributeNames(of place: HDF5Handle) throws(HDF5Error) -> [NameInFile] {
  let index = try CreationOrder.ofAttributes.isTracked(by: place) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME
  var names: [NameInFile] = []
  try check("list the attributes", at: place) {
    // Safe because H5Aiterate2 calls the closure before it returns, with the pointer to `names` that it was given and
    // with names that live for that call. It stops at the first name beyond the limit.
    unsafe withUnsafeMutablePointer(to: &names) { names in
      unsafe H5Aiterate2(
        place.raw, index, H5_ITER_INC, nil,
        { _, name, _, context in
          guard let name = unsafe name, let context = unsafe context else { return -1 }
          let names = unsafe context.assumingMemoryBound(to: [NameInFile].self)
          unsafe names.pointee.append(NameInFile(copying: name))
          return unsafe names.pointee.count > attributeLimit ? 1 : 0
        }, names)
    }
  }
  return names
}

private func readAttribute(_ name: String, of place: HDF5Handle) throws(HDF5Error) -> HDF5Attribute {
  // Safe because the library keeps no pointer to the name.
  let attribute = try Identifier("open the attribute '\(name)'", at: place) {
    unsafe H5Aopen(place.raw, name, chdf5_default())
  }
  let space = try Dataspace("read the shape of the attribute '\(name)'", at: place) { H5Aget_space(attribute.raw) }
  let type = try Datatype("read the type of the attribute '\(name)'", at: place) { H5Aget_type(attribute.raw) }
  func result(_ value: HDF5AttributeValue) -> HDF5Attribute {
    HDF5Attribute(name: name, dimensions: space.dimensions, value: value)
  }
  guard !space.isNull else { return result(.null) }
  guard let size = checkedByteCount(space.dimensions, elementSize: try type.byteCount(at: place)),
    size <= attributeByteLimit
  else { return result(.unsupported("\(space.dimensions) elements are more than \(attributeByteLimit) bytes")) }

  switch type.element {
  case .unsupported(let description): return result(.unsupported(description))
  case .string(let string) where string.fixedLength == nil:
    // Safe because the buffer has one pointer for each element of the attribute, in the attribute's own type.
    let texts = try unsafe readVariableStrings("read the attribute '\(name)'", type: type, space: space, at: place) {
      unsafe H5Aread(attribute.raw, type.raw, $0)
    }
    return result(texts.map(HDF5AttributeValue.strings) ?? .unsupported("text that is not UTF-8"))
  default:
    var bytes = [UInt8](repeating: 0, count: size)
    // Safe because the buffer has the size that the elements take in the file's own type, which is also the one in
    // memory, so that nothing is converted.
    try check("read the attribute '\(name)'", at: place) { unsafe H5Aread(attribute.raw, type.raw, &bytes) }
    return result(HDF5AttributeValue(decoding: bytes, as: type.element, isBigEndian: type.isBigEndian))
  }
}
