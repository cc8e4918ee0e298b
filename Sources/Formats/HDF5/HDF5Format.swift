internal import TensorFerryHDF5Reading
public import TensorFerryTensors

/// HDF5 files that hold state dicts, as Python programs write them, and `tensorferry.weights/1`.
public struct HDF5Format: WeightFormat {
  public static let name = "hdf5"
  public static let extensions = ["h5", "hdf5"]

  /// Text attributes of the root group that are written beside the tensors, in this order.
  public var attributes: [(name: String, value: String)]

  /// What opaque types of one and two bytes hold where the file does not say it; others are listed as ambiguous.
  ///
  /// h5py writes bfloat16 and the 8-bit floats of ml_dtypes so. An attribute `dtype` of the dataset, or else the tag of
  /// its type, says more than this does.
  public var voidTypes: VoidTypes

  /// Who describes the file.
  public var reader: HDF5Reader

  public init(
    attributes: [(name: String, value: String)] = [], voidTypes: VoidTypes = [], reader: HDF5Reader = .parser
  ) {
    self.attributes = attributes
    self.voidTypes = voidTypes
    self.reader = reader
  }

  public func reading(with options: ReadingOptions) -> Self {
    Self(
      attributes: attributes, voidTypes: options.voidTypes.isEmpty ? voidTypes : options.voidTypes,
      reader: options.hdf5Reader == .parser ? reader : options.hdf5Reader)
  }

  /// The signature stands at byte 0, or behind a user block at byte 512, 1024, 2048 and so on.
  public static func recognises(_ file: SourceFile) throws -> Bool {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    var offset: UInt64 = 0
    while offset + 8 <= file.byteCount {
      if try file.read(at: offset, count: 8) == signature { return true }
      offset = max(512, offset * 2)
    }
    return false
  }
}

extension WeightFormat where Self == HDF5Format {
  /// HDF5; reads every arrangement that is known, writes `tensorferry.weights/1`.
  public static var hdf5: HDF5Format { HDF5Format() }

  /// HDF5 with text attributes at the root, for example the model's name.
  public static func hdf5(attributes: [(name: String, value: String)]) -> HDF5Format {
    HDF5Format(attributes: attributes)
  }

  /// HDF5; `voidTypes` is what opaque bytes hold.
  public static func hdf5(voidTypes: VoidTypes) -> HDF5Format { HDF5Format(voidTypes: voidTypes) }
}
