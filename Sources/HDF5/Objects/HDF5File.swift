internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// An open HDF5 file, which stands for its root group.
///
/// The file may be used from several tasks; libhdf5 works for one of them at a time. Reading through this type trusts
/// the file: libhdf5 1.10 has memory errors that a hostile file can use. For files from strangers see
/// ``HDF5Inventory`` and ``HDF5DatasetReader``.
public final class HDF5File: Sendable, HDF5Container, HDF5Attributed {
  /// The root group.
  public let handle: HDF5Handle
  private let root: Identifier
  private let file: Identifier

  /// The path that the file was opened or created with.
  public var path: String { handle.file }

  /// Opens a file for reading. It is closed when the last reference to it and the last object of it have gone.
  ///
  /// - Throws: ``HDF5Error`` with code `.unreadableFile`, `.notHDF5`, or `.damagedFile` if libhdf5 refuses it.
  public init(opening path: String) throws {
    _ = try FileSignature.find(in: path)
    let place = HDF5Handle(file: path)
    // Groups and datasets stay usable after the last reference to the file has gone.
    let access = try Self.accessProperties(closing: H5F_CLOSE_WEAK, at: place)
    // Safe because the library copies the path.
    let file = try Identifier("open the file", at: place, .damagedFile) {
      unsafe H5Fopen(path, chdf5_read_only(), access.raw)
    }
    root = try Self.openRoot(of: file, at: place)
    handle = HDF5Handle(file: path, raw: root.raw)
    self.file = file
  }

  /// Creates a file, calls `body` with it, and closes it with everything in it that is still open.
  ///
  /// If `body` throws, the file is closed and left as it is. HDF5 has no crash safety of its own: write beside the
  /// final name and rename.
  ///
  /// - Returns: what `body` returned.
  /// - Throws: ``HDF5Error`` with code `.cannotCreate` or `.invalidOptions`, whatever `body` throws, and
  ///   `.incompleteFile` if not everything could be written at the end: then the file must not be used, and libhdf5
  ///   keeps it open until the process ends.
  public static func create<Result>(
    at path: String, options: HDF5FileOptions = HDF5FileOptions(), _ body: (HDF5File) throws -> Result
  ) throws -> Result {
    try closing(try HDF5File(creating: path, options), after: body)
  }

  /// Opens a file for reading and writing, calls `body` with it, and closes it with everything in it.
  ///
  /// - Parameter options: only the alignment counts; it holds for what is allocated from now on.
  /// - Throws: as ``init(opening:)`` and ``create(at:options:_:)``.
  public static func update<Result>(
    at path: String, options: HDF5FileOptions = HDF5FileOptions(), _ body: (HDF5File) throws -> Result
  ) throws -> Result {
    try closing(try HDF5File(updating: path, options), after: body)
  }

  private static func closing<Result>(_ file: HDF5File, after body: (HDF5File) throws -> Result) throws -> Result {
    let result: Result
    do {
      result = try body(file)
    } catch {
      // The error that came first says more than one that follows from it.
      try? file.close()
      throw error
    }
    try file.close()
    return result
  }

  private init(creating path: String, _ options: HDF5FileOptions) throws(HDF5Error) {
    let place = HDF5Handle(file: path)
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw HDF5Error(.cannotCreate, "the path is empty or holds a null character", at: place)
    }
    try options.validate(at: place)
    let creation = try groupProperties(
      chdf5_class_file_creation, tracksCreationOrder: options.tracksCreationOrder, at: place)
    try check("set the user block", at: place) { H5Pset_userblock(creation.raw, options.userBlockSize) }
    if !options.tracksFreeSpace {
      try check("choose not to track free space", at: place) {
        H5Pset_file_space_strategy(creation.raw, H5F_FSPACE_STRATEGY_AGGR, false, 1)
      }
    }
    // A group that is still open must not keep the file from being written to its end.
    let access = try Self.accessProperties(closing: H5F_CLOSE_STRONG, isLocked: options.isLocked, at: place)
    try check("set the version of the format", at: place) {
      chdf5_set_versions(access.raw, options.oldestVersion.rawValue, chdf5_latest_version())
    }
    try check("set the alignment", at: place) {
      H5Pset_alignment(access.raw, options.alignmentThreshold, options.alignment)
    }
    // Safe because the library copies the path.
    let file = try Identifier("create the file", at: place, .cannotCreate) {
      unsafe H5Fcreate(
        path, options.replacesExisting ? chdf5_truncate() : chdf5_exclusive(), creation.raw, access.raw)
    }
    root = try Self.openRoot(of: file, at: place)
    handle = HDF5Handle(file: path, raw: root.raw)
    self.file = file
  }

  private init(updating path: String, _ options: HDF5FileOptions) throws {
    _ = try FileSignature.find(in: path)
    let place = HDF5Handle(file: path)
    try options.validate(at: place)
    let access = try Self.accessProperties(closing: H5F_CLOSE_STRONG, isLocked: options.isLocked, at: place)
    try check("set the alignment", at: place) {
      H5Pset_alignment(access.raw, options.alignmentThreshold, options.alignment)
    }
    // Safe because the library copies the path.
    let file = try Identifier("open the file for writing", at: place, .damagedFile) {
      unsafe H5Fopen(path, chdf5_read_write(), access.raw)
    }
    root = try Self.openRoot(of: file, at: place)
    handle = HDF5Handle(file: path, raw: root.raw)
    self.file = file
  }

  private func close() throws(HDF5Error) {
    do {
      try check("write the file to its end", at: handle, .incompleteFile) { H5Fflush(file.raw, H5F_SCOPE_GLOBAL) }
      try check("close the file", at: handle, .incompleteFile) { H5Fclose(file.raw) }
    } catch {
      // A close that fails leaves an identifier behind whose file has been freed, and touching it again is a crash. So
      // the file stays as it is until the process ends: with one reference more than are given back.
      Library.call { _ = H5Iinc_ref(file.raw) }
      throw error
    }
  }

  func creationProperties() throws(HDF5Error) -> Identifier {
    try Identifier("read how the file was created", at: handle) { H5Fget_create_plist(file.raw) }
  }

  private static func openRoot(of file: borrowing Identifier, at place: HDF5Handle) throws(HDF5Error) -> Identifier {
    try Identifier("open the root group", at: place, .damagedFile) {
      // Safe because the library keeps no pointer to the name.
      unsafe H5Gopen2(file.raw, "/", chdf5_default())
    }
  }

  /// The driver for plain files, whatever the environment asks for.
  private static func accessProperties(
    closing degree: H5F_close_degree_t, isLocked: Bool = true, at place: HDF5Handle
  ) throws(HDF5Error) -> Identifier {
    let list = try Identifier("make a property list", at: place) { H5Pcreate(chdf5_class_file_access()) }
    try check("choose the driver for plain files", at: place) { H5Pset_fapl_sec2(list.raw) }
    try check("choose how files close", at: place) { H5Pset_fclose_degree(list.raw, degree) }
    try check("choose how files are locked", at: place) { chdf5_set_locking(list.raw, isLocked) }
    return list
  }
}

extension HDF5File {
  /// The version of libhdf5 that this process runs, for example `1.10.8`.
  public static var libraryVersion: String {
    var major: UInt32 = 0
    var minor: UInt32 = 0
    var release: UInt32 = 0
    // Safe because the library fills the three numbers that it is given.
    Library.call { _ = unsafe H5get_libversion(&major, &minor, &release) }
    return "\(major).\(minor).\(release)"
  }
}
