public import TensorFerryTensors

/// Something in a file that breaks a rule of its format, or that programs stumble over.
public struct FormatFinding: Hashable, Sendable, CustomStringConvertible {
  public enum Severity: String, CaseIterable, Sendable {
    /// The file is valid; some program may still refuse it, or read it slowly.
    case warning
    /// The file breaks its format.
    case error
  }

  public let severity: Severity
  /// One sentence.
  public let reason: String
  /// The file if it is another than the one that was checked, for example a shard.
  public var file: String?
  public let tensor: String?
  public let place: Place?

  public init(_ severity: Severity, _ reason: String, tensor: String? = nil, place: Place? = nil) {
    self.severity = severity
    self.reason = reason
    self.tensor = tensor
    self.place = place
  }

  /// What an error says.
  init(_ error: any LocatedError) {
    self.init(.error, error.reason, tensor: error.tensor, place: error.place)
    file = error.file
  }

  public var description: String {
    let places = [tensor.map { "tensor '\($0.escapedForDisplay)'" }, place?.description].compactMap { $0 }
    return (file.map { $0.escapedForDisplay + ": " } ?? "") + reason.escapedForDisplay
      + (places.isEmpty ? "" : " (" + places.joined(separator: ", ") + ")")
  }

  /// Everything that is wrong with a file: what its format finds, what was refused, and why it could not be read.
  ///
  /// - Parameter opened: the state dict of that path, or the error with which opening it ended.
  /// - Throws: that error, if there is no format to check the file by.
  public static func findings(in path: String, opened: Result<StateDict, any Error>) throws -> [FormatFinding] {
    let state = try? opened.get()
    let file: SourceFile
    let format: any WeightFormat
    do {
      file = try SourceFile(path: try SafetensorsDirectory.file(in: path) ?? path)
      format = try FormatRegistry.format(of: file)
    } catch {
      _ = try opened.get()
      throw error
    }
    var findings = (state?.others ?? []).filter(\.isRefused).map {
      FormatFinding(.error, "'\($0.name)' is refused: \($0.kind): \($0.reason)")
    }
    findings += try format.check(file, state)
    if case .failure(let error) = opened, !findings.contains(where: { $0.severity == .error }) {
      guard let located = error as? any LocatedError else { throw error }
      findings.append(FormatFinding(located))
    }
    for index in findings.indices where findings[index].file == file.path { findings[index].file = nil }
    var seen: Set<FormatFinding> = []
    return findings.filter { seen.insert($0).inserted }
  }

  /// What `body` adds, and last the error of a layer of ours that it throws.
  static func collecting(_ body: (_ findings: inout [FormatFinding]) throws -> Void) throws -> [FormatFinding] {
    var findings: [FormatFinding] = []
    do {
      try body(&findings)
    } catch let error as any LocatedError {
      findings.append(FormatFinding(error))
    }
    return findings
  }
}
