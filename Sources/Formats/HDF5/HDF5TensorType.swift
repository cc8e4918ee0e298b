internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// What a dataset is to a state dict.
enum HDF5TensorType: Equatable {
  case tensor(DType)
  /// Raw bytes of a type that nobody says, for the reason given in words.
  case ambiguous(reason: String)
  /// What is said of its type contradicts itself or is not read.
  case refused(reason: String)
  case noTensor

  /// False for what is none, whatever its type is called.
  var mayBeTensor: Bool { self != .noTensor }

  /// Finds the type of a dataset's elements.
  ///
  /// Opaque bytes are what the attribute `dtype` says, else the tag of their type, else `voidTypes`. Integers are what
  /// they are, unless an attribute says that they hold the bits of a type that numpy lacks.
  init(of dataset: HDF5DatasetDescription, voidTypes: VoidTypes) {
    guard !dataset.isNull else {
      self = .noTensor
      return
    }
    switch dataset.elementType {
    case .opaque(let size, let tag) where size == 1 || size == 2:
      self = Self.ofOpaque(dataset, size: size, tag: tag, voidTypes)
    case .integer(let bits, _) where bits <= 16: self = Self.ofInteger(dataset, bits: bits)
    default: self = dataset.elementType.dtype.map(Self.tensor) ?? .noTensor
    }
  }

  private static func ofOpaque(
    _ dataset: HDF5DatasetDescription, size: Int, tag: String, _ voidTypes: VoidTypes
  ) -> HDF5TensorType {
    if let (dtype, source) = dataset.namedType(tag) {
      guard dtype.bitWidth == 8 * size else {
        return .refused(
          reason: "\(source) says \(dtype.rawValue), which has \(dtype.bitWidth) bits; the elements have \(size) bytes")
      }
      return .tensor(dtype)
    }
    for (name, source) in dataset.typeNames(tag) where foreignNames.contains(name) {
      return .refused(reason: "\(source) says '\(name)', which is not read")
    }
    if let dtype = voidTypes[size] { return .tensor(dtype) }
    let unknown = dataset.typeNames(tag).map { "; \($0.source) says '\($0.name)', which is no type" }.joined()
    return .ambiguous(reason: VoidTypes.ambiguity(size) + unknown)
  }

  private static func ofInteger(_ dataset: HDF5DatasetDescription, bits: Int) -> HDF5TensorType {
    let own = dataset.elementType.dtype.map(Self.tensor) ?? .noTensor
    if let flag = dataset.attributes.first(where: { $0.name == "is_bfloat16" }), flag.value == .integers([1]) {
      return bits == 16
        ? .tensor(.bf16) : .refused(reason: "the attribute 'is_bfloat16' is true, and the elements have \(bits) bits")
    }
    guard let dtype = dataset.text(of: "dtype").flatMap(DType.init(nameInFile:)), DType.withoutNumPy.contains(dtype),
      dtype.bitWidth == bits
    else { return own }
    return .tensor(dtype)
  }

  /// Types of ml_dtypes that are raw bytes too, one element in each, and that no other format here has.
  private static let foreignNames: Set<String> = [
    "int2", "int4", "uint2", "uint4", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "float8_e3m4", "float8_e4m3",
    "float8_e4m3b11fnuz",
  ]
}

extension HDF5DatasetDescription {
  /// What the file calls the type of the elements, the attribute first.
  fileprivate func typeNames(_ tag: String) -> [(name: String, source: String)] {
    [(text(of: "dtype"), "the attribute 'dtype'"), (tag.isEmpty ? nil : tag, "the tag of its type")]
      .compactMap { name, source in name.map { ($0, source) } }
  }

  /// The type that the file names for raw bytes, and where.
  fileprivate func namedType(_ tag: String) -> (DType, source: String)? {
    for (name, source) in typeNames(tag) {
      if let dtype = DType(nameInFile: name) { return (dtype, source) }
    }
    return nil
  }

  /// The only string of an attribute, or nil if there is no such attribute or it holds something else.
  func text(of attribute: String) -> String? {
    guard let value = attributes.first(where: { $0.name == attribute })?.value, case .strings(let texts) = value,
      texts.count == 1
    else { return nil }
    return texts[0]
  }
}

extension DType {
  /// The types that HDF5 holds as unsigned bytes with their name in the attribute `dtype`.
  static let taggedBytes: Set<DType> = [.f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz]

  /// The types whose bits programs that use numpy keep in integers or in raw bytes.
  fileprivate static let withoutNumPy = taggedBytes.union([.bf16])
}
