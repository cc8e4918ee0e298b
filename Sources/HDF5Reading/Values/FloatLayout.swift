/// Where the fields of a floating-point type are, counted in bits from the least significant one.
package struct FloatLayout: Equatable {
  package let size: UInt64
  package let sign, exponent, exponentSize, mantissa, mantissaSize, bias: UInt64

  package static let float16 = FloatLayout(
    size: 2, sign: 15, exponent: 10, exponentSize: 5, mantissa: 0, mantissaSize: 10, bias: 15)
  package static let bfloat16 = FloatLayout(
    size: 2, sign: 15, exponent: 7, exponentSize: 8, mantissa: 0, mantissaSize: 7, bias: 127)
  package static let float32 = FloatLayout(
    size: 4, sign: 31, exponent: 23, exponentSize: 8, mantissa: 0, mantissaSize: 23, bias: 127)
  package static let float64 = FloatLayout(
    size: 8, sign: 63, exponent: 52, exponentSize: 11, mantissa: 0, mantissaSize: 52, bias: 1023)

  package init(
    size: UInt64, sign: UInt64, exponent: UInt64, exponentSize: UInt64, mantissa: UInt64, mantissaSize: UInt64,
    bias: UInt64
  ) {
    self.size = size
    self.sign = sign
    self.exponent = exponent
    self.exponentSize = exponentSize
    self.mantissa = mantissa
    self.mantissaSize = mantissaSize
    self.bias = bias
  }

  /// The type with these fields, if it is a known one.
  package var element: HDF5ElementType? {
    switch self {
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float32: .float32
    case .float64: .float64
    default: nil
    }
  }
}
