/// Where in a file something was found.
public enum Place: Hashable, Sendable, CustomStringConvertible {
  /// An offset in bytes from the start of the file.
  case byte(UInt64)
  /// A member of an archive, for example `archive/data.pkl`.
  case member(String)
  /// The path of an HDF5 object, for example `/model_weights/dense`.
  case object(String)
  /// A line and a column of a text file, both counted from 1.
  case line(Int, column: Int)

  public var description: String {
    switch self {
    case .byte(let offset): "byte \(offset)"
    case .member(let name): "member '\(name.escapedForDisplay)'"
    case .object(let path): "object '\(path.escapedForDisplay)'"
    case .line(let line, let column): "line \(line), column \(column)"
    }
  }
}

/// What the errors of all layers share: a sentence with both numbers, and where it happened.
///
/// Prints as `<file>: <format>: <reason> (tensor 'x', byte 4096)`. Names that come from a file are escaped.
public protocol LocatedError: Error, Sendable, CustomStringConvertible {
  /// The path of the file, if one is involved.
  var file: String? { get }
  /// The format that was being read or written, if one is involved.
  var format: String? { get }
  /// The tensor's name in the file, if one is involved.
  var tensor: String? { get }
  /// Where in the file.
  var place: Place? { get }
  /// One sentence: what was found and what was allowed.
  var reason: String { get }
}

extension LocatedError {
  public var description: String {
    let head = [file?.escapedForDisplay, format].compactMap { $0 }.map { $0 + ": " }.joined()
    let where_ = [tensor.map { "tensor '\($0.escapedForDisplay)'" }, place?.description].compactMap { $0 }
    return head + reason + (where_.isEmpty ? "" : " (" + where_.joined(separator: ", ") + ")")
  }
}

extension String {
  /// The text with control, bidirectional and other invisible characters written as `\u{...}`, so that a name from a
  /// file can neither move the cursor of a terminal nor reorder a line.
  public var escapedForDisplay: String {
    guard unicodeScalars.contains(where: \.mustBeEscaped) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      if scalar.mustBeEscaped {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Unicode.Scalar {
  fileprivate var mustBeEscaped: Bool {
    if isASCII { return value < 0x20 || value == 0x7F }
    return switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    default: false
    }
  }
}
