internal import TensorFerryTensors

/// A text as numpy stores it in an array without dimensions: `numpy.array("text")`.
enum NumPyText {
  /// The texts of an archive that are metadata of `state`, as arrays.
  ///
  /// Only those of a reference bundle: whoever loads weights with `numpy.load` expects numbers alone.
  static func written(of state: StateDict) -> [(name: String, text: String)] {
    guard state.metadata("format")?.string?.hasPrefix("tensorferry.reference/") == true else { return [] }
    var left = NumPyLimits.textByteCount
    return state.metadata.compactMap { member in
      guard let text = member.value.string, NPZFormat.problem(ofName: member.key) == nil, state[member.key] == nil,
        text.unicodeScalars.last != "\0", 4 * text.unicodeScalars.count <= left
      else { return nil }
      left -= 4 * text.unicodeScalars.count
      return (member.key, text)
    }
  }

  /// The header and the data of an array that holds a text.
  static func array(_ text: String) -> [UInt8] {
    let scalars = text.unicodeScalars
    return NumPyHeader.bytes(descr: "<U\(max(1, scalars.count))", shape: .scalar)
      + (scalars.isEmpty ? [0, 0, 0, 0] : scalars.flatMap { withUnsafeBytes(of: $0.value.littleEndian, Array.init) })
  }

  /// How many bytes the text of that element type takes, or nil if the number is out of all proportion.
  static func byteCount(_ descr: String) -> Int? {
    guard let count = Int(descr.dropFirst(2)), count >= 0 else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: descr.dropFirst().first == "U" ? 4 : 1)
    return overflow ? nil : bytes
  }

  /// The text in the bytes behind a header, without the zeros that fill it up; nil if it is none.
  static func text(_ bytes: ArraySlice<UInt8>, _ descr: String) -> String? {
    guard descr.dropFirst().first == "U" else {
      let end = bytes.lastIndex { $0 != 0 } ?? bytes.startIndex - 1
      return String(validating: bytes[...end], as: UTF8.self)
    }
    var cursor = ByteCursor(bytes, format: NPZFormat.name)
    cursor.isBigEndian = descr.first == ">"
    var text = ""
    var zeros = 0
    while let value = try? cursor.integer(UInt32.self) {
      guard value != 0 else {
        zeros += 1
        continue
      }
      guard zeros == 0, let scalar = Unicode.Scalar(value) else { return nil }
      text.unicodeScalars.append(scalar)
    }
    return cursor.isAtEnd ? text : nil
  }
}
