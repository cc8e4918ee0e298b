internal import TensorFerryHDF5Reading

/// How a new file is laid out.
public struct HDF5FileOptions: Hashable, Sendable {
  /// The oldest libhdf5 that must be able to read the file. Newer formats are smaller and have checksums.
  public enum Version: Int32, Hashable, Sendable, CaseIterable {
    case earliest = 0
    case v1_8 = 1
    case v1_10 = 2
  }

  /// True to list members and attributes of the root in the order of their creation.
  public var tracksCreationOrder: Bool
  /// Everything of at least `alignmentThreshold` bytes starts at a multiple of this many bytes; 1 for anywhere.
  public var alignment: UInt64
  public var alignmentThreshold: UInt64
  public var oldestVersion: Version
  /// Bytes before the HDF5 part that belong to someone else: 0, or 512, 1024, 2048, ...
  public var userBlockSize: UInt64
  /// True to overwrite an existing file; false to refuse.
  public var replacesExisting: Bool
  /// False for a file that is written once: libhdf5 then keeps no list of the gaps that an alignment leaves, which it
  /// searches at every allocation, so that the time grows with the square of the number of datasets. The superblock is then
  /// of version 2 at least.
  public var tracksFreeSpace: Bool
  /// False for a file that nobody else knows. A lock outlives the file's closing in a child process that was just started
  /// and has not become its program yet, so that opening the file again at once may fail.
  public var isLocked: Bool

  public init(
    tracksCreationOrder: Bool = false, alignment: UInt64 = 1, alignmentThreshold: UInt64 = 1,
    oldestVersion: Version = .earliest, userBlockSize: UInt64 = 0, replacesExisting: Bool = false,
    tracksFreeSpace: Bool = true, isLocked: Bool = true
  ) {
    self.tracksCreationOrder = tracksCreationOrder
    self.alignment = alignment
    self.alignmentThreshold = alignmentThreshold
    self.oldestVersion = oldestVersion
    self.userBlockSize = userBlockSize
    self.replacesExisting = replacesExisting
    self.tracksFreeSpace = tracksFreeSpace
    self.isLocked = isLocked
  }

  func validate(at place: HDF5Handle) throws(HDF5Error) {
    guard alignment > 0 else {
      throw HDF5Error(.invalidOptions, "an alignment of 0 bytes, the least is 1", at: place)
    }
    guard userBlockSize == 0 || userBlockSize >= 512 && userBlockSize.nonzeroBitCount == 1 else {
      throw HDF5Error(
        .invalidOptions, "a user block of \(userBlockSize) bytes, allowed is 0 or a power of two from 512 on", at: place
      )
    }
  }
}
