/// One group of a file: the names in it, without what they lead to.
package struct HDF5Outline {
  /// The names of attributes, as far as they are UTF-8.
  package let attributeNames: Set<String>
  /// The names of hard links, as far as they are UTF-8, in order.
  package let memberNames: [String]
  private let reader: MetadataReader
  private let addresses: [String: UInt64]

  /// - Throws: ``HDF5Error`` if the file cannot be opened, and whatever stops the parser at its root.
  package init(ofRootIn path: String) throws {
    let reader = try MetadataReader(path)
    try self.init(reader, reader.objectHeader(at: reader.superblock.root))
  }

  private init(_ reader: MetadataReader, _ header: ObjectHeader) throws {
    self.reader = reader
    attributeNames = Set(try reader.attributes(of: header).map(\.name))
    var addresses: [String: UInt64] = [:]
    memberNames = try reader.links(of: header).compactMap { link in
      guard case .hard(let address) = link.target, let name = String(validating: link.name, as: UTF8.self) else {
        return nil
      }
      addresses[name] = address
      return name
    }
    self.addresses = addresses
  }

  /// The group of that name, or nil if there is none.
  package func group(_ name: String) throws -> HDF5Outline? {
    guard let address = addresses[name] else { return nil }
    let header = try reader.objectHeader(at: address)
    return header.isGroup ? try HDF5Outline(reader, header) : nil
  }
}
