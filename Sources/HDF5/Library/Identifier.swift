internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// Owns one identifier of libhdf5, and gives it back when it goes.
struct Identifier: ~Copyable, Sendable {
  let raw: Int64

  /// Takes over the identifier that `call` returns.
  ///
  /// - Throws: as ``check(_:at:_:_:)``.
  init(
    _ operation: @autoclosure () -> String, at place: HDF5Handle, _ code: HDF5Error.Code = .libraryFailure,
    adopting call: () -> Int64
  ) throws(HDF5Error) {
    raw = try check(operation(), at: place, code, call)
  }

  deinit {
    // A file that was closed with everything in it leaves identifiers behind that are invalid; libhdf5 never gives
    // the same number out twice.
    Library.call {
      if H5Iis_valid(raw) > 0 { H5Idec_ref(raw) }
    }
  }
}

/// An open file, group or dataset, as the methods of ``HDF5Container`` and ``HDF5Attributed`` see it.
///
/// It owns nothing and has nothing to offer outside of this library.
public struct HDF5Handle: Sendable {
  let raw: Int64
  /// The path of the file.
  let file: String
  /// The path of the object in the file: `/` for the file itself.
  let object: String

  /// Something about this file that is not one of its objects yet.
  init(file: String, object: String = "/", raw: Int64 = -1) {
    self.raw = raw
    self.file = file
    self.object = object
  }

  /// The path of something reached from this object: `/a` and `b/c` give `/a/b/c`.
  func path(of relative: String) -> String {
    if relative.hasPrefix("/") { return relative }
    return object == "/" ? "/" + relative : object + "/" + relative
  }

  /// The same identifier, with errors that name `relative`.
  func naming(_ relative: String) -> HDF5Handle {
    HDF5Handle(file: file, object: path(of: relative), raw: raw)
  }
}
