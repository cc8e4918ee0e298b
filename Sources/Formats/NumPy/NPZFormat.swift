public import TensorFerryTensors

/// Arrays with names as `numpy.savez` writes them: `.npz`, a zip archive of `.npy` members.
///
/// Stored and deflated members are read; the order of the archive's directory is kept. Stored members are written, each
/// array's data at a multiple of 64 bytes. A text without dimensions is metadata. Members whose names do not end in
/// `.npy`, and other arrays of texts, are listed beside the tensors; object arrays and structured arrays are refused.
public struct NPZFormat: WeightFormat {
  public static let name = "npz"
  public static let extensions = ["npz"]
  public static let keepsTies = false
  public static let distinguishesCompositions = false

  /// What arrays of raw bytes (`V1`, `V2`) hold, which the file does not say; others are listed as ambiguous.
  ///
  /// numpy writes bfloat16 and the 8-bit floats of ml_dtypes so. Tensors of these types are written so, too.
  public var voidTypes: VoidTypes

  private static let suffix = ".npy"
  /// There is no other place for metadata that numpy does not take for an array.
  private static let escapeComment = "\(NameEscape.mark.key)=\(NameEscape.mark.value.string ?? "")"

  public init(voidTypes: VoidTypes = []) { self.voidTypes = voidTypes }

  public func reading(with options: ReadingOptions) -> Self {
    Self(voidTypes: options.voidTypes.isEmpty ? voidTypes : options.voidTypes)
  }

  /// True if the first member is an array, or if the archive is empty, as `numpy.savez` without arrays writes it.
  public static func recognises(_ file: SourceFile) throws -> Bool {
    if let name = try ZipArchive.firstName(in: file) { return name.hasSuffix(suffix) }
    return try file.byteCount == 22 && file.read(at: 0, count: 4) == [0x50, 0x4B, 5, 6]
  }

  public func read(_ file: SourceFile) throws -> StateDict {
    let archive = try ZipArchive(file, format: Self.name)
    var state = StateDict()
    state.origin = .init(path: file.path, format: Self.name, layout: nil, byteCount: file.byteCount)
    if archive.comment == Array(Self.escapeComment.utf8) { state.metadata = [NameEscape.mark] }
    var textByteCount = 0
    for member in archive.members {
      do {
        try append(member, of: archive, to: &state, &textByteCount)
      } catch var error as TensorError {
        error.file = file.path
        error.format = Self.name
        error.place = error.place ?? .member(member.name)
        throw error
      }
    }
    return state
  }

  private func append(
    _ member: ZipMember, of archive: ZipArchive, to state: inout StateDict, _ textByteCount: inout Int
  ) throws {
    guard member.name.hasSuffix(Self.suffix) else {
      state.others.append(.init(name: member.name, kind: "member", reason: "its name does not end in \(Self.suffix)"))
      return
    }
    let name = String(member.name.dropLast(Self.suffix.count))
    let origin = NumPyOrigin(
      file: archive.source.file, format: Self.name, member: member.name, byteCount: member.byteCount)
    let header = try NumPyHeader(of: origin) { try archive.prefix(of: member, count: $0) }
    guard !NumPyElementType.isText(header.descr) else {
      if header.shape.rank == 0, let count = NumPyText.byteCount(header.descr),
        count <= NumPyLimits.textByteCount - textByteCount
      {
        let bytes = try archive.read(member, limit: header.byteCount + count)
        if bytes.count == header.byteCount + count,
          let text = NumPyText.text(bytes[header.byteCount...], header.descr)
        {
          textByteCount += count
          state.metadata.append(.init(name, .string(text)))
          return
        }
      }
      state.others.append(.init(name: name, kind: "string", reason: "the array holds texts"))
      return
    }
    let tensor = try header.tensor(of: origin, voidTypes: voidTypes) {
      try archive.tensor($0, $1, of: member, from: header.byteCount)
    }
    switch tensor {
    case .tensor(let tensor): try state.append(name, tensor)
    case .ambiguous(let reason):
      state.others.append(.init(name: name, kind: "raw bytes", reason: reason, isAmbiguous: true))
    }
  }

  public static func problem(ofName name: String) -> String? { ZipMember.problem(ofName: name + suffix) }

  public func losses(of state: StateDict) -> [String] {
    var state = state
    let texts = Set(NumPyText.written(of: state).map { ExactText($0.name) })
    state.metadata.removeAll { $0 == NameEscape.mark || texts.contains(ExactText($0.key)) }
    return NumPyWriting.losses(of: state)
  }

  public func checkRepresentable(_ state: StateDict, at path: String) throws { _ = try headers(of: state, path) }

  private func headers(of state: StateDict, _ path: String) throws -> [[UInt8]] {
    try NumPyWriting.headers(of: state, voidTypes: voidTypes, format: Self.name, path: path, problem: Self.problem)
  }

  public func write(_ state: StateDict, to path: String) throws {
    let headers = try headers(of: state, path)
    let output = try OutputFile(creating: path)
    let archive = ZipWriter(output)
    for (element, header) in zip(state, headers) {
      let byteCount = UInt64(header.count) + UInt64(element.tensor.byteCount)
      // The header's size is a multiple of 64, so the data is aligned as the member is.
      let place = MemberPlace(of: element.tensor, alignment: 64, behind: header.count)
      try archive.add(
        element.name + Self.suffix, byteCount: byteCount, alignment: place.alignment, residue: place.residue
      ) { body in
        try body.write(header)
        try body.write(element.tensor)
      }
    }
    for (name, text) in NumPyText.written(of: state) where name != NameEscape.mark.key {
      try archive.add(name + Self.suffix, NumPyText.array(text), alignment: 64)
    }
    try archive.finish(comment: state.metadata.contains(NameEscape.mark) ? Self.escapeComment : "")
    try output.close()
  }
}

extension WeightFormat where Self == NPZFormat {
  /// Arrays with names as `numpy.savez` writes them.
  public static var npz: NPZFormat { NPZFormat() }

  /// Arrays with names; `voidTypes` is what raw bytes hold.
  public static func npz(voidTypes: VoidTypes) -> NPZFormat { NPZFormat(voidTypes: voidTypes) }
}
