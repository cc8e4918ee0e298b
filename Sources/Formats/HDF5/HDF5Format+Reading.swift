internal import TensorFerryHDF5
public import TensorFerryTensors

extension HDF5Format {
  public func read(_ file: SourceFile) throws -> StateDict {
    let inventory: HDF5Inventory
    do {
      inventory = try HDF5Inventory(describing: file.path)
    } catch let error as HDF5Error {
      throw WeightFileError(.malformed, error.cause, file: file.path, format: Self.name, underlying: error)
    }
    let layout: HDF5Layout
    do {
      layout = try HDF5Layout(of: inventory) { HDF5TensorType(of: $0, voidTypes: voidTypes).mayBeTensor }
    } catch var error as WeightFileError {
      error.file = file.path
      error.format = Self.name
      throw error
    }
    var state = StateDict()
    let isOwn = inventory.attributes.contains { $0.name == "format" && $0.value == .strings([Self.profile]) }
    state.origin = .init(
      path: file.path, format: Self.name, layout: (isOwn ? "\(Self.profile), " : "") + layout.description,
      byteCount: file.byteCount)
    state.metadata = inventory.attributes.map(\.member)
    if isOwn { state.metadata = try metadata(of: file, state.metadata) }
    if case .flatUnderGroup(let group) = layout.kind, let link = inventory.links.first(where: { $0.path == group }),
      case .group(_, let attributes) = link.target
    {
      state.metadata += attributes.map(\.member)
    }

    var owners: [HDF5ObjectIdentity: String] = [:]
    for link in layout.ordered(inventory.links) {
      let name = layout.name(of: link.path)
      switch link.target {
      case .group: continue
      case .dataset(let dataset):
        try add(dataset, as: name, path: link.path, layout, file: file, owners: &owners, to: &state)
      case .committedDatatype:
        state.others.append(.init(name: name, kind: "datatype", reason: "a named datatype holds no elements"))
      case .soft(let target):
        state.others.append(
          .init(name: name, kind: "soft link", reason: "points to '\(target)' and is not followed", isRefused: true))
      case .external(let target, let object):
        state.others.append(
          .init(
            name: name, kind: "external link",
            reason: "points to '\(object)' in the file '\(target)' and is not followed",
            isRefused: true))
      case .unreadable(let reason):
        state.others.append(.init(name: name, kind: "unreadable object", reason: reason, isRefused: true))
      }
    }
    return state
  }

  /// The root attributes; in a file of our own profile those of the state dict, without the profile's name.
  private func metadata(of file: SourceFile, _ members: [JSONValue.Member]) throws -> [JSONValue.Member] {
    var result: [JSONValue.Member] = []
    for member in members where member.key != "format" {
      guard member.key == "metadata", let text = member.value.string else {
        result.append(member)
        continue
      }
      guard let values = try? JSONValue(parsing: text).members else {
        throw WeightFileError(
          .malformed, "the attribute 'metadata' is not a JSON object", file: file.path, format: Self.name,
          place: .object("/"))
      }
      result += values
    }
    return result
  }

  private func add(
    _ dataset: HDF5DatasetDescription, as name: String, path: String, _ layout: HDF5Layout, file: SourceFile,
    owners: inout [HDF5ObjectIdentity: String], to state: inout StateDict
  ) throws {
    func other(_ kind: String, _ reason: String, isRefused: Bool = false, isAmbiguous: Bool = false) {
      state.others.append(
        .init(name: name, kind: kind, reason: reason, isRefused: isRefused, isAmbiguous: isAmbiguous))
    }
    if layout.kind == .percentEncoded, dataset.isNull { return addValue(of: dataset, as: name, to: &state) }
    if dataset.isNull { return other("null", "a null dataspace has no elements") }
    if layout.kind == .namedByAttribute, path == HDF5Layout.optimizerPath {
      return other("opaque", "the state of the optimizer, a pickle, which is not read")
    }
    let type = HDF5TensorType(of: dataset, voidTypes: voidTypes)
    guard layout.holds(path) || !type.mayBeTensor else {
      return other("dataset", "the file's list of keys does not name it")
    }
    let dtype: DType
    switch type {
    case .tensor(let known): dtype = known
    case .ambiguous(let reason): return other("raw bytes", reason, isAmbiguous: true)
    case .refused(let reason): return other("dataset", reason, isRefused: true)
    case .noTensor: return other(dataset.elementType.kind, dataset.elementType.refusal)
    }
    if case .refused(let reason) = dataset.storage { return other("dataset", reason, isRefused: true) }
    do {
      let shape = try Shape(dataset.dimensions.map { try Int(checking: $0) })
      let content: LazyTensor.Content
      if case .contiguous(let offset) = dataset.storage, !dataset.isBigEndian {
        content = .file(file, offset: offset)
      } else {
        content = .reader(
          HDF5Range(
            dataset: try HDF5DatasetReader(dataset, source: HDF5Source(file: file)), path: path, file: file.path))
      }
      try state.append(
        name, try LazyTensor(dtype: dtype, shape: shape, content: content), aliasOf: owners[dataset.identity])
      if owners[dataset.identity] == nil { owners[dataset.identity] = name }
    } catch let error as HDF5Error {
      other("dataset", error.cause, isRefused: true)
    } catch var error as TensorError {
      error.file = file.path
      error.format = Self.name
      error.tensor = name
      error.place = error.place ?? .object(path)
      throw error
    }
  }

  /// What a file of Cerebras holds in the attributes of a dataset without elements.
  private func addValue(of dataset: HDF5DatasetDescription, as name: String, to state: inout StateDict) {
    switch dataset.text(of: HDF5Layout.kindAttribute) {
    case "StringH5Type":
      if let text = dataset.text(of: "string_value") {
        return state.metadata.append(.init(name, .string(text)))
      }
    case "NoneH5Type": return state.metadata.append(.init(name, nil))
    case "ObjectH5Type":
      return state.others.append(.init(name: name, kind: "object", reason: "a pickled object is not carried out"))
    default: break
    }
    let kind = dataset.text(of: HDF5Layout.kindAttribute) ?? "no kind"
    state.others.append(
      .init(name: name, kind: "null", reason: "its value is not in the file as an array (\(kind))", isRefused: true))
  }
}

/// Reads a dataset whose bytes are not a plain range of the file, and says which it was when that fails.
private struct HDF5Range: RangeReader {
  let dataset: HDF5DatasetReader
  let path: String
  let file: String

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    do {
      try dataset.read(range, into: buffer)
    } catch let error as HDF5Error {
      throw WeightFileError(
        .malformed, error.cause, file: file, format: HDF5Format.name, place: .object(path), underlying: error)
    }
  }
}

extension Int {
  fileprivate init(checking value: UInt64) throws {
    guard let value = Int(exactly: value) else {
      throw TensorError(.sizeOverflow, "the dimension \(value) exceeds 2^63 - 1")
    }
    self = value
  }
}
