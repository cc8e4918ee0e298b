internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// The one way into libhdf5.
///
/// libhdf5 is not safe for several threads (Homebrew's build has no lock of its own), so one process-wide lock is held
/// around every call.
package enum Library {
  private static let lock: RecursiveLock = {
    let lock = RecursiveLock()
    lock.withLock {
      // Without this, libhdf5 flushes files at exit and may crash there after a write that failed.
      // "H5dont_atexit() must be called before any other HDF5 function"
      // https://support.hdfgroup.org/documentation/hdf5/latest/group___h5.html
      H5dont_atexit()
      // A file that names an unknown filter must not make the process load a shared library.
      H5PLset_loading_state(0)
    }
    return lock
  }()

  /// Runs `body`, which calls libhdf5, while no other thread is inside the library.
  package static func call<Result: ~Copyable, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    try lock.withLock { () throws(Failure) -> Result in
      // On every entry, because the setting belongs to the thread.
      H5Eset_auto2(chdf5_error_stack(), nil, nil)
      return try body()
    }
  }
}

/// Calls a C function that reports failure by a negative number, and returns what it returned.
///
/// - Parameters:
///   - operation: finishes the sentence "cannot ...".
///   - place: the file and object that the sentence is about.
/// - Throws: ``HDF5Error`` with `code` and with the library's error stack, copied before the lock is released.
@discardableResult
func check<Status: SignedInteger>(
  _ operation: @autoclosure () -> String, at place: HDF5Handle, _ code: HDF5Error.Code = .libraryFailure,
  _ call: () -> Status
) throws(HDF5Error) -> Status {
  try Library.call { () throws(HDF5Error) -> Status in
    let status = call()
    guard status >= 0 else {
      throw HDF5Error(
        code, "cannot \(operation())", path: place.file, object: place.object, frames: HDF5Error.Frame.current())
    }
    return status
  }
}
