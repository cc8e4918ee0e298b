/// What went wrong with an HDF5 file.
///
/// Prints as `<file>: HDF5: <reason>: <what libhdf5 said> (object '/x')`.
public struct HDF5Error: Error, Sendable, CustomStringConvertible {
  /// What to switch on. Codes may be added.
  public enum Code: String, CaseIterable, Sendable {
    /// The file is missing, is not a regular file, or the system refuses to open or read it.
    case unreadableFile
    /// The file has no HDF5 signature where one may be.
    case notHDF5
    /// The file has the signature and cannot be opened: it is truncated, damaged, or not closed by who wrote it.
    case damagedFile
    /// The file cannot be created.
    case cannotCreate
    /// Not everything could be written when the file was closed: it must not be used.
    case incompleteFile
    /// There is no object or attribute of that name.
    case notFound
    /// The name is taken.
    case alreadyExists
    /// The object is not of the kind that was asked for, for example a group instead of a dataset.
    case wrongKind
    /// A name is empty, is `.`, or holds a slash or a null character.
    case invalidName
    /// The options for a new dataset contradict each other or its shape.
    case invalidOptions
    /// Dimensions whose product, or size in bytes, does not fit.
    case sizeOverflow
    /// A buffer has another size than the selection needs.
    case sizeMismatch
    /// A selection or range reaches outside of the dataset.
    case outOfRange
    /// The element type is not one that this library handles in this place.
    case unsupportedType
    /// The data is stored in a way that is not read: other files, virtual datasets, unknown filters, never written.
    case unsupportedStorage
    /// Chunk or range of the file contradicts the dataset's description: wrong size, bad checksum, bad stream.
    case damagedData
    /// The file holds more objects, levels or bytes of one kind than this library reads.
    case limitExceeded
    /// libhdf5 refused for another reason; see ``HDF5Error/frames``.
    case libraryFailure
  }

  /// One entry of libhdf5's error stack.
  public struct Frame: Sendable, Hashable {
    /// The C function that failed.
    public let function: String
    /// The source line in libhdf5.
    public let line: Int
    public let description: String
    /// The area of the library.
    public let major: String
    /// The kind of failure.
    public let minor: String

    package init(function: String, line: Int, description: String, major: String, minor: String) {
      self.function = function
      self.line = line
      self.description = description
      self.major = major
      self.minor = minor
    }
  }

  public let code: Code
  /// One sentence: what could not be done, or what was found and what is allowed.
  public let reason: String
  /// The path of the file, if one is involved.
  public let path: String?
  /// The path of the object in the file, if one is involved.
  public let object: String?
  /// What libhdf5 said, the function that was called first, the one that failed last.
  public let frames: [Frame]

  package init(
    _ code: Code, _ reason: String, path: String? = nil, object: String? = nil, frames: [Frame] = []
  ) {
    self.code = code
    self.reason = reason
    self.path = path
    self.object = object
    self.frames = frames
  }

  /// The reason, followed by what failed innermost in libhdf5.
  package var cause: String { frames.last.map { "\(reason): \($0.description)" } ?? reason }

  public var description: String {
    var text = path.map { $0.escapedForDisplay + ": " } ?? ""
    text += "HDF5: " + cause.escapedForDisplay
    if let object, object != "/" { text += " (object '\(object.escapedForDisplay)')" }
    return text
  }
}

extension String {
  /// The text with control, bidirectional and other invisible characters written as `\u{...}`, so that a name from a
  /// file can neither move the cursor of a terminal nor reorder a line.
  fileprivate var escapedForDisplay: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
