public import TensorFerryHDF5Reading

/// A Swift number that libhdf5 reads and writes directly.
public protocol HDF5Scalar: BitwiseCopyable, Sendable {
  /// The HDF5 type of the same layout.
  static var elementType: HDF5ElementType { get }
}

extension HDF5Scalar where Self: FixedWidthInteger {
  public static var elementType: HDF5ElementType { .integer(bits: bitWidth, isSigned: isSigned) }
}

extension Int8: HDF5Scalar {}
extension Int16: HDF5Scalar {}
extension Int32: HDF5Scalar {}
extension Int64: HDF5Scalar {}
extension UInt8: HDF5Scalar {}
extension UInt16: HDF5Scalar {}
extension UInt32: HDF5Scalar {}
extension UInt64: HDF5Scalar {}
extension Float: HDF5Scalar { public static var elementType: HDF5ElementType { .float32 } }
extension Double: HDF5Scalar { public static var elementType: HDF5ElementType { .float64 } }
