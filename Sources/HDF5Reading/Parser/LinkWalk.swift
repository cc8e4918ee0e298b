/// Lists every link of a file.
struct LinkWalk {
  private(set) var links: [HDF5Link] = []
  private let reader: MetadataReader
  /// Where in `links` each dataset is.
  private var datasets: [UInt64: Int] = [:]
  /// The links of groups that were listed to their end, without the groups' own.
  private var groups: [UInt64: (path: String, members: Range<Int>)] = [:]
  /// The groups that are being listed, outermost first.
  private var ancestors: [UInt64] = []

  init(_ reader: MetadataReader) {
    self.reader = reader
  }

  /// Lists the links below the root group.
  ///
  /// - Returns: the attributes of the root.
  mutating func descend() throws -> [HDF5Attribute] {
    let root = reader.superblock.root
    let header = try reader.objectHeader(at: root)
    try visit(reader.links(of: header), of: root, path: "/")
    return try reader.attributes(of: header)
  }

  private mutating func visit(_ members: [ParsedLink], of group: UInt64, path: String) throws {
    ancestors.append(group)
    let first = links.count
    let prefix = path == "/" ? path : path + "/"
    if ancestors.count == 1 {
      links.reserveCapacity(members.count)
      datasets.reserveCapacity(members.count)
    }
    for member in members { try visit(member, prefix: prefix) }
    groups[group] = (path, first..<links.count)
    ancestors.removeLast()
  }

  private mutating func visit(_ link: ParsedLink, prefix: String) throws {
    guard let name = String(validating: link.name, as: UTF8.self) else {
      return try append(
        prefix + String(decoding: link.name, as: UTF8.self), .unreadable(reason: "its name is not UTF-8"))
    }
    let path = prefix + name
    // Every other name is a path: it leads to another object than this link does.
    guard !link.name.contains(0), !link.name.contains(UInt8(ascii: "/")), !name.isEmpty, name != "." else {
      return try append(path, .unreadable(reason: "its name is empty, is '.', or holds a slash or a null character"))
    }
    switch link.target {
    case .soft(let target): try append(path, .soft(to: target))
    case .external(let file, let object): try append(path, .external(file: file, object: object))
    case .userDefined:
      try append(path, .unreadable(reason: "it is a link of a kind that a program defined for itself"))
    case .hard(let address):
      do {
        try visitObject(at: address, path: path)
      } catch let error as ParseError {
        // What cannot be described is part of the description. If a limit of the file is the problem, this throws again.
        try append(path, .unreadable(reason: error.reason))
      }
    }
  }

  private mutating func visitObject(at address: UInt64, path: String) throws {
    if let known = datasets[address] { return try append(path, links[known].target) }
    let header = try reader.objectHeader(at: address)
    if header.isGroup {
      try visitGroup(header, at: address, path: path)
    } else if header.first(.datatype) != nil, header.first(.dataspace) == nil {
      try append(path, .committedDatatype)
    } else {
      let dataset = try reader.dataset(header, at: address, path: path)
      try append(path, .dataset(dataset))
      datasets[address] = links.count - 1
    }
  }

  private mutating func visitGroup(_ header: ObjectHeader, at address: UInt64, path: String) throws {
    guard !ancestors.contains(address) else {
      return try append(path, .unreadable(reason: "it is a group inside itself"))
    }
    guard ancestors.count < ParserLimits.depth else {
      return try append(path, .unreadable(reason: "it is a group below level \(ParserLimits.depth)"))
    }
    let identity = HDF5ObjectIdentity(file: reader.file.number, address: address)
    let group = HDF5Link.Target.group(identity, attributes: try reader.attributes(of: header))
    guard let known = groups[address] else {
      // Before the group itself, so that one whose members cannot be listed is not listed as a group that has none.
      let members = try reader.links(of: header)
      try append(path, group)
      return try visit(members, of: address, path: path)
    }
    try append(path, group)
    for index in known.members {
      try append(path + links[index].path.dropFirst(known.path.count), links[index].target)
    }
  }

  private mutating func append(_ path: String, _ target: HDF5Link.Target) throws {
    guard links.count < ParserLimits.links else {
      throw HDF5Error(
        .limitExceeded, "the file has more than the \(ParserLimits.links) links that are read", path: reader.file.path)
    }
    try reader.keep(bytes: path.utf8.count)
    links.append(HDF5Link(path: path, target: target))
  }
}
