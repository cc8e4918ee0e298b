internal import Crypto
internal import TensorFerryTensors

/// Writes a state dict as torch.save does: a zip archive of stored members whose storages begin at multiples of 64,
/// those of 1 MiB or more where file systems can share them.
///
/// It has no `.format_version`: with it, PyTorch would compute where storages are from how its own writer packs them,
/// instead of looking.
struct PyTorchWriter {
  private let state: StateDict
  private let path: String

  private static let alignment: UInt64 = 64
  private static let folder = "archive/"

  /// - Throws: ``WeightFileError`` with code `.unrepresentable` that names every tensor that PyTorch cannot hold.
  init(_ state: StateDict, path: String) throws {
    self.state = state
    self.path = path
    let problems = state.compactMap { element in
      Self.problem(with: element.tensor).map { "\(element.name.escapedForDisplay): \($0)" }
    }
    guard problems.isEmpty else {
      throw WeightFileError(
        .unrepresentable, "PyTorch cannot hold \(problems.joined(separator: "; "))", file: path,
        format: PyTorchFormat.name)
    }
  }

  private static func problem(with tensor: LazyTensor) -> String? {
    if PyTorchGlobal.dtypeNames[tensor.dtype] == nil { return "\(tensor.typeName) has no element type there" }
    if tensor.shape.rank > PyTorchLimits.rank { return "\(tensor.shape.rank) dimensions, at most 64 are allowed" }
    if tensor.dtype == .f4, (tensor.shape.dimensions.last ?? 1) % 2 != 0 {
      return "the last dimension of \(tensor.shape) is odd, and F4 is stored in pairs"
    }
    return nil
  }

  func write() throws {
    let output = try OutputFile(creating: path)
    let archive = ZipWriter(output)
    let pickle = pickle()
    try add("data.pkl", pickle, to: archive)
    try add(".storage_alignment", Array(String(Self.alignment).utf8), to: archive)
    try add("byteorder", Array("little".utf8), to: archive)
    let first = archive.memberCount
    for (key, element) in state.lazy.filter({ $0.aliasOf == nil }).enumerated() {
      let place = MemberPlace(of: element.tensor, alignment: Self.alignment)
      try archive.add(
        "\(Self.folder)data/\(key)", byteCount: UInt64(element.tensor.byteCount), alignment: place.alignment,
        residue: place.residue
      ) { try $0.write(element.tensor) }
    }
    let checksums = try archive.checksums()[first...].flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
    try add("version", Array("3\n".utf8), to: archive)
    try add(".data/serialization_id", Array((Self.digits(of: pickle) + Self.digits(of: checksums)).utf8), to: archive)
    try archive.finish()
    try output.close()
  }

  private func add(_ name: String, _ content: [UInt8], to archive: ZipWriter) throws {
    try archive.add(Self.folder + name, content, alignment: Self.alignment)
  }

  /// 20 decimal digits that depend on all bytes.
  private static func digits(of bytes: [UInt8]) -> String {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    let number = hash.finalize().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let text = String(number)
    return String(repeating: "0", count: 20 - text.count) + text
  }

  /// The OrderedDict of tensors. `_metadata` is its attribute, as a module's `state_dict()` has it; all other metadata
  /// is in an attribute of its own, which PyTorch ignores.
  private func pickle() -> [UInt8] {
    var pickle = PickleWriter()
    pickle.orderedDict()
    var keys: [ExactText: Int] = [:]
    for (index, element) in state.enumerated() {
      if index % PickleWriter.batch == 0 {
        if index > 0 { pickle.setItems() }
        pickle.mark()
      }
      let key = element.aliasOf.flatMap { keys[ExactText($0)] } ?? keys.count
      if element.aliasOf == nil { keys[ExactText(element.name)] = key }
      pickle.string(element.name)
      write(element.tensor, key: key, to: &pickle)
    }
    if !state.isEmpty { pickle.setItems() }
    writeMetadata(to: &pickle)
    pickle.stop()
    return pickle.bytes
  }

  private func write(_ tensor: LazyTensor, key: Int, to pickle: inout PickleWriter) {
    var sizes = tensor.shape.dimensions
    if tensor.dtype == .f4, let last = sizes.popLast() { sizes.append(last / 2) }
    let storage = PyTorchGlobal.storageNames[tensor.dtype]
    // A storage without a type counts bytes.
    let count = storage == nil ? tensor.byteCount : tensor.shape.elementCount
    pickle.global("torch._utils", storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    pickle.mark()
    pickle.mark()
    pickle.repeatedString("storage")
    pickle.global(storage == nil ? "torch.storage" : "torch", storage ?? "UntypedStorage")
    pickle.string(String(key))
    pickle.repeatedString("cpu")
    pickle.integer(Int64(count))
    pickle.tuple()
    pickle.persistentID()
    pickle.integer(0)
    pickle.integers(sizes)
    pickle.integers(Self.strides(of: sizes))
    pickle.bool(false)
    pickle.orderedDict()
    if storage == nil, let name = PyTorchGlobal.dtypeNames[tensor.dtype] { pickle.global("torch", name) }
    pickle.tuple()
    pickle.reduce()
  }

  /// Row-major, as PyTorch counts them for empty tensors too.
  private static func strides(of sizes: [Int]) -> [Int] {
    var strides: [Int] = []
    var stride = 1
    for size in sizes.reversed() {
      strides.append(stride)
      stride *= max(size, 1)
    }
    return strides.reversed()
  }

  private func writeMetadata(to pickle: inout PickleWriter) {
    // `_metadata` of another form would stop load_state_dict.
    func isModuleMetadata(_ member: JSONValue.Member) -> Bool {
      member.key == "_metadata" && member.value.members?.allSatisfy { $0.value.members != nil } == true
    }
    let own = state.metadata.filter(isModuleMetadata)
    let others = state.metadata.filter { !isModuleMetadata($0) }
    guard !state.metadata.isEmpty else { return }
    pickle.emptyDict()
    pickle.mark()
    for member in own {
      pickle.string(member.key)
      pickle.orderedDict()
      pickle.members(member.value.members ?? [])
    }
    if !others.isEmpty {
      pickle.string(PyTorchCheckpoint.metadataAttribute)
      pickle.emptyDict()
      pickle.members(others)
    }
    pickle.setItems()
    pickle.build()
  }
}
