internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// Lists every link of a file.
struct FileWalk {
  /// The most links, and the deepest level, that are listed.
  static let linkLimit = 1_000_000
  static let depthLimit = 64

  private(set) var links: [HDF5Link] = []
  private let describer: DatasetDescriber
  private var datasets: [HDF5ObjectIdentity: HDF5Link.Target] = [:]
  /// The links of groups that were listed to their end, without the groups' own.
  private var groups: [HDF5ObjectIdentity: (path: String, members: Range<Int>)] = [:]
  /// The groups that are being listed, outermost first.
  private var ancestors: [HDF5ObjectIdentity] = []

  init(_ describer: DatasetDescriber) {
    self.describer = describer
  }

  /// Lists the links below the root group.
  mutating func descend(from root: HDF5Handle) throws(HDF5Error) {
    try visit(Links.list(in: root), of: root, identity: identity(of: root))
  }

  private mutating func visit(
    _ members: [Links.Link], of group: HDF5Handle, identity: HDF5ObjectIdentity
  ) throws(HDF5Error) {
    ancestors.append(identity)
    let first = links.count
    for member in members { try visit(member, in: group) }
    groups[identity] = (group.object, first..<links.count)
    ancestors.removeLast()
  }

  private mutating func visit(_ link: Links.Link, in group: HDF5Handle) throws(HDF5Error) {
    let path = group.path(of: link.name.display)
    guard let name = link.name.text else {
      return try append(path, .unreadable(reason: "its name is not UTF-8"))
    }
    do {
      switch try link.kind(in: group) {
      case .hard: try visitObject(name, path: path, in: group)
      case .soft(let target): try append(path, .soft(to: target))
      case .external(let file, let object): try append(path, .external(file: file, object: object))
      case .userDefined:
        try append(path, .unreadable(reason: "it is a link of a kind that a program defined for itself"))
      }
    } catch {
      // What cannot be described is part of the description. If the limit of links is the problem, this throws again.
      try append(path, .unreadable(reason: error.cause))
    }
  }

  private mutating func visitObject(_ name: String, path: String, in group: HDF5Handle) throws(HDF5Error) {
    let object = try Identifier(
      "open the object with libhdf5 \(HDF5File.libraryVersion), which may be too old for it", at: group.naming(name)
    ) {
      // Safe because the library keeps no pointer to the name.
      unsafe H5Oopen(group.raw, name, chdf5_default())
    }
    let place = HDF5Handle(file: group.file, object: path, raw: object.raw)
    switch Library.call({ H5Iget_type(object.raw) }) {
    case H5I_GROUP: try visitGroup(place)
    case H5I_DATASET:
      let identity = try identity(of: place)
      if let known = datasets[identity] { return try append(path, known) }
      let target = try HDF5Link.Target.dataset(describer.describe(place, identity: identity))
      datasets[identity] = target
      try append(path, target)
    case H5I_DATATYPE: try append(path, .committedDatatype)
    default: try append(path, .unreadable(reason: "it is neither group nor dataset nor datatype"))
    }
  }

  private mutating func visitGroup(_ place: HDF5Handle) throws(HDF5Error) {
    let identity = try identity(of: place)
    guard !ancestors.contains(identity) else {
      return try append(place.object, .unreadable(reason: "it is a group inside itself"))
    }
    guard ancestors.count < Self.depthLimit else {
      return try append(place.object, .unreadable(reason: "it is a group below level \(Self.depthLimit)"))
    }
    let group = try HDF5Link.Target.group(identity, attributes: readAttributes(of: place, keepsFailures: true))
    guard let known = groups[identity] else {
      // Before the group itself, so that one whose members cannot be listed is not listed as a group that has none.
      let members = try Links.list(in: place)
      try append(place.object, group)
      return try visit(members, of: place, identity: identity)
    }
    try append(place.object, group)
    for index in known.members {
      try append(place.object + links[index].path.dropFirst(known.path.count), links[index].target)
    }
  }

  private mutating func append(_ path: String, _ target: HDF5Link.Target) throws(HDF5Error) {
    guard links.count < Self.linkLimit else {
      throw HDF5Error(
        .limitExceeded, "the file has more than the \(Self.linkLimit) links that are read", path: describer.path)
    }
    links.append(HDF5Link(path: path, target: target))
  }

  private func identity(of place: HDF5Handle) throws(HDF5Error) -> HDF5ObjectIdentity {
    var identity = HDF5ObjectIdentity(file: 0, address: 0)
    try check("read the address of '\(place.object)'", at: place) {
      let object = chdf5_object_identity(place.raw)
      identity = HDF5ObjectIdentity(file: object.file, address: object.address)
      return object.status
    }
    return identity
  }
}
