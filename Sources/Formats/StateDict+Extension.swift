public import TensorFerryTensors

extension StateDict.Origin {
  /// The format that the file's extension names, if it is not the one that was found by its content; nil if the
  /// extension names the right one, or none that is known here.
  public var contradictingFormat: String? {
    let ending = path.split(separator: "/").last?.split(separator: ".").dropFirst().last?.lowercased() ?? ""
    let named = FormatRegistry.formats.map { type(of: $0) }.filter { $0.extensions.contains(ending) }
    guard let first = named.last, !named.contains(where: { $0.name == format }) else { return nil }
    return first.name
  }

  /// The same as a sentence.
  public var contradiction: String? {
    contradictingFormat.map { "\(path.escapedForDisplay): its extension names \($0), its content is \(format)" }
  }
}
