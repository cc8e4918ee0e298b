extension HDF5Inventory {
  /// Describes a file.
  ///
  /// Nothing but metadata is read, in blocks, and every number in it is checked: the file may come from a stranger. An
  /// object that cannot be described is listed as `.unreadable` with the reason; soft and external links are listed and
  /// never followed.
  ///
  /// - Throws: ``HDF5Error`` with code `.unreadableFile`, `.notHDF5`, `.damagedFile` if the root group cannot be listed,
  ///   `.unsupportedStorage` for a version of the format that is not read, or `.limitExceeded`.
  /// - Complexity: O(n log n) in the number of links, attributes and chunks.
  public init(describing path: String) throws {
    let reader = try MetadataReader(path)
    var walk = LinkWalk(reader)
    let attributes: [HDF5Attribute]
    do {
      attributes = try walk.descend()
    } catch {
      throw HDF5Error(error, "cannot list the root group", path: path)
    }
    self.init(
      path: path, byteCount: reader.file.byteCount, userBlockSize: reader.file.base,
      superblockVersion: reader.superblock.version, attributes: attributes, links: walk.links)
  }

  /// The strings of a dataset of one dimension, or nil if it has another shape, more than 65,536 of them, or is not
  /// stored in one piece, or if one is not UTF-8.
  public func texts(of dataset: HDF5DatasetDescription) -> [String]? {
    guard case .string(let string) = dataset.elementType, dataset.dimensions.count == 1, !dataset.isNull,
      let count = Int(exactly: dataset.dimensions[0]), count <= ParserLimits.texts,
      dataset.byteCount <= ParserLimits.textBytes, let reader = try? MetadataReader(path),
      reader.file.byteCount == byteCount
    else { return nil }
    return try? reader.texts(at: dataset.identity.address, string, count: count)
  }
}

extension MetadataReader {
  fileprivate func texts(at address: UInt64, _ string: HDF5StringType, count: Int) throws -> [String]? {
    guard count > 0 else { return [] }
    let header = try objectHeader(at: address)
    guard let message = header.first(.layout), header.first(.externalFiles) == nil else { return nil }
    let size = count * (string.fixedLength ?? 8 + superblock.sizes.address)
    var data: ByteReader
    switch try ParsedLayout(body(of: message)) {
    case .compact(let bytes): data = bytes
    case .contiguous(let address?, let stored):
      guard stored == nil || stored == UInt64(size) else { return nil }
      data = try bytes(at: address, count: size)
    default: return nil
    }
    guard data.remaining == size else { return nil }
    guard let length = string.fixedLength else {
      var byteCount = 0
      return try texts(&data, count: count, &byteCount)
    }
    let texts = try (0..<count).compactMap { _ in string.text(of: try data.take(length).slice) }
    return texts.count == count ? texts : nil
  }
}
