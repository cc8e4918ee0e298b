internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

extension HDF5Error {
  init(_ code: Code, _ reason: String, at place: HDF5Handle) {
    self.init(code, reason, path: place.file, object: place.object)
  }
}

extension HDF5Error.Frame {
  /// Copies the error stack of the call that has just failed. Only meaningful inside the same locked call.
  static func current() -> [HDF5Error.Frame] {
    var frames: [HDF5Error.Frame] = []
    // Safe because H5Ewalk2 calls the closure before it returns, with the pointer to `frames` that it was given, and
    // with strings that live until the stack is cleared by the next call.
    unsafe withUnsafeMutablePointer(to: &frames) { frames in
      _ = unsafe H5Ewalk2(
        chdf5_error_stack(), H5E_WALK_DOWNWARD,
        { _, error, context in
          guard let error = unsafe error?.pointee, let context = unsafe context else { return 0 }
          unsafe context.assumingMemoryBound(to: [HDF5Error.Frame].self).pointee.append(HDF5Error.Frame(copying: error))
          return 0
        }, frames)
    }
    return frames
  }

  private init(copying error: H5E_error2_t) {
    // Safe because the strings of an entry are null-terminated and live as long as the entry.
    unsafe self.init(
      function: error.func_name.map { unsafe String(cString: $0) } ?? "", line: Int(error.line),
      description: error.desc.map { unsafe String(cString: $0) } ?? "", major: Self.message(error.maj_num),
      minor: Self.message(error.min_num))
  }

  private static func message(_ number: Int64) -> String {
    var text = [CChar](repeating: 0, count: 256)
    // Safe because the library is told the size of the buffer, and ends what it writes with a null.
    let length = unsafe H5Eget_msg(number, nil, &text, text.count)
    return String(
      decoding: text.prefix(max(0, min(length, text.count - 1))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
