internal import TensorFerryTensors

/// What the reader of a file is told, whatever its format turns out to be; a format takes what it has a use for.
public struct ReadingOptions: Sendable, Hashable {
  /// What raw bytes hold; see ``VoidTypes``.
  public var voidTypes: VoidTypes
  /// True to read quantised blocks as the `F32` numbers that they encode; see ``GGUFFormat/dequantised``.
  public var dequantised: Bool
  /// Who describes HDF5 files.
  public var hdf5Reader: HDF5Reader

  public init(voidTypes: VoidTypes = [], dequantised: Bool = false, hdf5Reader: HDF5Reader = .parser) {
    self.voidTypes = voidTypes
    self.dequantised = dequantised
    self.hdf5Reader = hdf5Reader
  }
}
