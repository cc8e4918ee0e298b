internal import TensorFerryHDF5Reading
public import TensorFerryTensors

extension HDF5Format {
  public func read(_ file: SourceFile) throws -> StateDict {
    let inventory: HDF5Inventory
    do {
      inventory = try reader.inventory(of: file.path)
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

    let tensors = HDF5Tensors(file: file, format: Self.name, voidTypes: voidTypes)
    var owners: [HDF5ObjectIdentity: String] = [:]
    for link in layout.ordered(inventory.links) {
      let name = layout.name(of: link.path)
      switch link.target {
      case .group: continue
      case .dataset(let dataset):
        try add(dataset, as: name, path: link.path, layout, tensors, owners: &owners, to: &state)
      default:
        if let other = link.target.other(name) { state.others.append(other) }
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
    _ dataset: HDF5DatasetDescription, as name: String, path: String, _ layout: HDF5Layout, _ tensors: HDF5Tensors,
    owners: inout [HDF5ObjectIdentity: String], to state: inout StateDict
  ) throws {
    func other(_ kind: String, _ reason: String) { state.others.append(.init(name: name, kind: kind, reason: reason)) }
    if dataset.isNull, layout.kind == .percentEncoded { return addValue(of: dataset, as: name, to: &state) }
    if !dataset.isNull, layout.kind == .namedByAttribute, path == HDF5Layout.optimizerPath {
      return other("opaque", "the state of the optimizer, a pickle, which is not read")
    }
    guard layout.holds(path) || !tensors.type(of: dataset).mayBeTensor else {
      return other("dataset", "the file's list of keys does not name it")
    }
    switch try tensors.read(dataset, as: name, path: path) {
    case .other(let other): state.others.append(other)
    case .tensor(let tensor):
      do {
        try state.append(name, tensor, aliasOf: owners[dataset.identity])
      } catch var error as TensorError {
        error.format = Self.name
        error.place = .object(path)
        throw error
      }
      if owners[dataset.identity] == nil { owners[dataset.identity] = name }
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
