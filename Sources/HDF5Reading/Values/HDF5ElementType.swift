/// What one element of a dataset or attribute is. Byte order is a property of the dataset, not of the type.
public enum HDF5ElementType: Hashable, Sendable {
  /// An integer of 8, 16, 32 or 64 bits.
  case integer(bits: Int, isSigned: Bool)
  /// IEEE 754 binary16.
  case float16
  /// The upper half of a float32: sign, 8 bits of exponent with bias 127, 7 bits of mantissa.
  case bfloat16
  case float32
  case float64
  /// One byte, 0 or 1: an enumeration as h5py writes it.
  case bool
  /// Real and imaginary part as float32: a compound of two members as h5py writes it.
  case complex64
  /// Real and imaginary part as float64.
  case complex128
  case string(HDF5StringType)
  /// Bytes that libhdf5 never converts; the tag says what they mean.
  case opaque(size: Int, tag: String)
  /// Anything else, described in words.
  case unsupported(String)

  /// The size of one element in bytes; nil for variable-length strings and unsupported types.
  public var byteCount: Int? {
    switch self {
    case .integer(let bits, _): bits / 8
    case .bool: 1
    case .float16, .bfloat16: 2
    case .float32: 4
    case .float64, .complex64: 8
    case .complex128: 16
    case .string(let string): string.fixedLength
    case .opaque(let size, _): size
    case .unsupported: nil
    }
  }

  /// The unit in which byte order is reversed, in bytes.
  package var swapWidth: Int {
    switch self {
    case .integer(let bits, _): bits / 8
    case .float16, .bfloat16: 2
    case .float32, .complex64: 4
    case .float64, .complex128: 8
    case .bool, .string, .opaque, .unsupported: 1
    }
  }
}

/// The details of a string type.
public struct HDF5StringType: Hashable, Sendable {
  public enum Encoding: Hashable, Sendable { case ascii, utf8 }
  /// How a fixed-length string ends.
  public enum Padding: Hashable, Sendable { case nullTerminated, nullPadded, spacePadded }

  /// The size in bytes of every string, or nil if each has its own.
  public let fixedLength: Int?
  public let encoding: Encoding
  public let padding: Padding

  /// - Parameter fixedLength: bytes, at least 1; nil for variable length.
  public init(fixedLength: Int? = nil, encoding: Encoding = .utf8, padding: Padding = .nullTerminated) {
    self.fixedLength = fixedLength
    self.encoding = encoding
    self.padding = padding
  }

  /// What Python's `str` becomes in h5py.
  public static let variableUTF8 = HDF5StringType()
}

extension HDF5ElementType: CustomStringConvertible {
  /// In words, for messages: `int32`, `bfloat16`, `a variable-length string`, ...
  public var description: String {
    switch self {
    case .integer(let bits, let isSigned): (isSigned ? "int" : "uint") + String(bits)
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float32: "float32"
    case .float64: "float64"
    case .bool: "bool"
    case .complex64: "complex64"
    case .complex128: "complex128"
    case .string(let string):
      string.fixedLength.map { "a string of \($0) bytes" } ?? "a variable-length string"
    case .opaque(let size, let tag): "\(size) opaque bytes tagged '\(tag)'"
    case .unsupported(let description): description
    }
  }
}
