internal import TensorFerryTensors

/// Names that a format cannot hold, written so that it can, and read back as they were.
///
/// A byte becomes `%` and two hexadecimal digits, as in a URL. In a file with such names `%` itself is written as `%25`
/// everywhere, and the metadata has the ``mark``; without it nothing is ever read so.
enum NameEscape {
  static let mark = JSONValue.Member("tensorferry.names", "percent")

  private static let percent = UInt8(ascii: "%")
  private static let digits = Array("0123456789ABCDEF".utf8)

  /// The state dict with names that the format holds, and the mark; the same if it holds them all.
  ///
  /// What cannot be helped, such as a name that is too long, stays and is refused by the writer.
  static func applied(to state: StateDict, for format: any WeightFormat.Type) throws -> StateDict {
    // Texts are equal here if they look the same.
    var seen: Set<String> = []
    let needs = state.names.map { name in
      let isNew = seen.insert(name).inserted || format.distinguishesCompositions
      return (problem: format.problem(ofName: name) != nil, composition: !isNew)
    }
    guard format.keepsNames, needs.contains(where: { $0.problem || $0.composition }) else { return state }
    guard state.metadata(mark.key) == nil else {
      throw WeightFileError(
        .unrepresentable, "the metadata key '\(mark.key)' is taken, so that names cannot be escaped",
        file: state.origin?.path)
    }
    var names: [ExactText: String] = [:]
    for (name, need) in zip(state.names, needs) {
      names[ExactText(name)] =
        need.problem || need.composition
        ? escaped(name, withNonASCII: need.composition) : encoded(name) { $0 == percent }
    }
    return try state.renamed(metadata: state.metadata + [mark]) { names[ExactText($0)] ?? $0 }
  }

  /// The state dict with the names that its mark says were escaped.
  ///
  /// - Throws: ``WeightFileError`` with code `.malformed` if the file has the mark and another name.
  static func undone(in state: StateDict) throws -> StateDict {
    guard state.metadata.contains(mark) else { return state }
    return try state.renamed(metadata: state.metadata.filter { $0 != mark }) { name in
      guard let original = decoded(name) else {
        throw WeightFileError(
          .malformed, "the file says that its names are escaped with '%', this one is not", file: state.origin?.path,
          format: state.origin?.format, tensor: name)
      }
      return original
    }
  }

  /// A name that no rule of any format forbids, but for its length.
  private static func escaped(_ name: String, withNonASCII: Bool) -> String {
    if name.isEmpty { return "%" }
    if name == "__metadata__" { return "%5F_metadata__" }
    let isDots = name.utf8.allSatisfy { $0 == UInt8(ascii: ".") }
    return encoded(name) { byte in
      switch byte {
      case 0, percent, UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ":"): true
      case UInt8(ascii: "."): isDots
      default: withNonASCII && byte > 0x7F
      }
    }
  }

  private static func encoded(_ name: String, where mustEscape: (UInt8) -> Bool) -> String {
    var bytes: [UInt8] = []
    for byte in name.utf8 {
      bytes += mustEscape(byte) ? [percent, digits[Int(byte >> 4)], digits[Int(byte & 15)]] : [byte]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func decoded(_ name: String) -> String? {
    if name == "%" { return "" }
    var bytes: [UInt8] = []
    var rest = Array(name.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == percent else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(digits.firstIndex), let low = rest.popFirst().flatMap(digits.firstIndex)
      else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension StateDict {
  fileprivate func renamed(metadata: [JSONValue.Member], _ rename: (String) throws -> String) throws -> StateDict {
    var result = StateDict()
    result.origin = origin
    result.others = others
    result.metadata = metadata
    for element in self {
      try result.append(rename(element.name), element.tensor, aliasOf: element.aliasOf.map(rename))
    }
    return result
  }
}
