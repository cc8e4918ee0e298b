internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// The links of one group, which one call of the library lists.
enum Links {
  /// The most links of one group that are read.
  static let limit = 1_000_000

  struct Link {
    let name: NameInFile
    let rawKind: Int32

    /// Reads where the link leads.
    func kind(in place: HDF5Handle) throws(HDF5Error) -> HDF5Member.Kind {
      guard let name = name.text else { return .userDefined }
      switch rawKind {
      case Int32(CHDF5_LINK_HARD.rawValue): return .hard
      case Int32(CHDF5_LINK_SOFT.rawValue): return .soft(to: try target(name, in: place).first ?? "")
      case Int32(CHDF5_LINK_EXTERNAL.rawValue):
        // One byte of flags and version, then file and object, each ended by a null.
        let parts = try target(name, in: place, skipping: 1)
        return .external(file: parts.first ?? "", object: parts.dropFirst().first ?? "")
      default: return .userDefined
      }
    }

    /// The null-terminated texts of the link's value.
    private func target(_ name: String, in place: HDF5Handle, skipping count: Int = 0) throws(HDF5Error) -> [String] {
      let size = try check("read the link '\(name)'", at: place) {
        // Safe because the library keeps no pointer to the name.
        unsafe chdf5_link_value_size(place.raw, name)
      }
      guard size <= 1 << 20 else {
        throw HDF5Error(
          .limitExceeded, "the link '\(name)' has a value of \(size) bytes, the limit is \(1 << 20)", at: place)
      }
      var value = [UInt8](repeating: 0, count: Int(size))
      // Safe because the library is told the size of the buffer.
      try check("read the link '\(name)'", at: place) {
        unsafe H5Lget_val(place.raw, name, &value, value.count, chdf5_default())
      }
      return value.dropFirst(count).split(separator: 0, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// The links in the order of their creation where the group keeps it, else by name.
  static func list(in place: HDF5Handle) throws(HDF5Error) -> [Link] {
    let tracksOrder = try CreationOrder.ofLinks.isTracked(by: place)
    var links: [Link] = []
    try check("list the members of '\(place.object)'", at: place) {
      // Safe because the library calls the closure before it returns, with the pointer to `links` that it was given
      // and with names that live for that call.
      unsafe withUnsafeMutablePointer(to: &links) { links in
        unsafe chdf5_visit_links(
          place.raw, tracksOrder ? 1 : 0,
          { context, name, kind in
            guard let context = unsafe context, let name = unsafe name else { return }
            let links = unsafe context.assumingMemoryBound(to: [Link].self)
            guard unsafe links.pointee.count <= Links.limit else { return }
            unsafe links.pointee.append(Link(name: NameInFile(copying: name), rawKind: kind))
          }, links)
      }
    }
    guard links.count <= limit else {
      throw HDF5Error(.limitExceeded, "'\(place.object)' has more than the \(limit) members that are read", at: place)
    }
    return links
  }
}
