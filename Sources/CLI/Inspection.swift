internal import TensorFerry

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// What `inspect` prints.
struct Inspection {
  let state: StateDict
  /// One for each tensor, or none.
  let hashes: [String]
  /// One for each tensor, or none.
  let statistics: [TensorStatistics?]
  /// What a check found, or nil if there was none.
  let findings: [FormatFinding]?

  var json: JSONValue {
    let origin = state.origin
    var members: [JSONValue.Member] = [
      .init("schema", "tensorferry.inspect/1"),
      .init(
        "file",
        [
          "path": JSONValue(origin?.path), "format": JSONValue(origin?.format), "layout": JSONValue(origin?.layout),
          "bytes": origin.map { JSONValue($0.byteCount) } ?? nil,
          "extension_format": JSONValue(origin?.contradictingFormat),
        ]),
      .init("metadata", .object(state.metadata)),
      .init("tensors", .array(state.enumerated().map { tensor($1, at: $0) })),
      .init(
        "packed",
        .array(
          PackedWeights.find(in: state).map {
            ["scheme": .string($0.scheme), "tensors": .array($0.names.map { .string($0) })]
          })),
      .init(
        "other",
        .array(
          state.others.map { other in
            var members: [JSONValue.Member] = [
              .init("name", .string(other.name)), .init("kind", .string(other.kind)),
              .init("reason", .string(other.reason)),
            ]
            if other.isRefused { members.append(.init("problem", .string("\(other.kind): \(other.reason)"))) }
            return .object(members)
          })),
    ]
    if let findings { members.append(.init("checks", .array(findings.map(json)))) }
    return .object(members)
  }

  private func json(_ finding: FormatFinding) -> JSONValue {
    [
      "severity": .string(finding.severity.rawValue), "message": .string(finding.reason),
      "file": JSONValue(finding.file), "tensor": JSONValue(finding.tensor),
      "place": JSONValue(finding.place?.description),
    ]
  }

  private func tensor(_ element: StateDict.Element, at index: Int) -> JSONValue {
    let tensor = element.tensor
    var members: [JSONValue.Member] = [
      .init("name", .string(element.name)), .init("dtype", .string(tensor.typeName)),
      .init("shape", JSONValue(tensor.logicalShape)), .init("bytes", JSONValue(tensor.byteCount)),
      .init("offset", tensor.fileOffset.map { JSONValue($0) } ?? nil), .init("alias_of", JSONValue(element.aliasOf)),
    ]
    if !hashes.isEmpty { members.append(.init("sha256", .string(hashes[index]))) }
    if !statistics.isEmpty { members.append(.init("stats", statistics[index].map(json) ?? nil)) }
    return .object(members)
  }

  private func json(_ statistics: TensorStatistics) -> JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? nil }
    return [
      "min": number(statistics.minimum), "max": number(statistics.maximum), "mean": number(statistics.mean),
      "std": number(statistics.standardDeviation), "nan": JSONValue(statistics.nanCount),
      "inf": JSONValue(statistics.infiniteCount),
    ]
  }

  var text: String {
    let origin = state.origin
    let owned = state.filter { $0.aliasOf == nil }
    let elements = owned.reduce(0) { $0 + $1.tensor.logicalShape.elementCount }
    let bytes = owned.reduce(0) { $0 + $1.tensor.byteCount }
    var lines = [
      [origin?.path.escapedForDisplay, origin?.format, origin?.layout].compactMap { $0 }.joined(separator: " · "),
      "\(count(state.count, "tensor")), \(count(elements, "element")), \(count(bytes, "byte")) of data",
    ]
    if !state.isEmpty {
      let headings = statistics.isEmpty ? [] : ["MIN", "MAX", "MEAN", "STD", "NAN", "INF"]
      var rows = [["NAME", "DTYPE", "SHAPE", "BYTES", hashes.isEmpty ? "" : "SHA-256"] + headings + [""]]
      for (index, element) in state.enumerated() {
        let cells = [
          element.name.escapedForDisplay, element.tensor.typeName, element.tensor.logicalShape.description,
          String(element.tensor.byteCount), hashes.isEmpty ? "" : hashes[index],
        ]
        let tie = element.aliasOf.map { "= \($0.escapedForDisplay) (tied)" } ?? ""
        rows.append(cells + (statistics.isEmpty ? [] : Self.cells(statistics[index])) + [tie])
      }
      lines += ["", Table(rows: rows, rightAligned: [3, 5, 6, 7, 8, 9, 10]).text]
    }
    lines += PackedWeights.find(in: state).flatMap { packed in
      [
        "", "PACKED: \(packed.scheme): these bytes are not plain weights",
        "  " + packed.names.prefix(6).joined(separator: ", ").escapedForDisplay
          + (packed.names.count > 6 ? " and \(packed.names.count - 6) more" : ""),
      ]
    }
    if !state.metadata.isEmpty {
      lines += ["", "metadata"]
      lines += state.metadata.map { "  \($0.key.escapedForDisplay): \(Self.short($0.value))" }
    }
    return (lines + otherLines + checkLines).joined(separator: "\n")
  }

  /// A value on one line; the whole of a long one is in JSON.
  private static func short(_ value: JSONValue) -> String {
    let text = value.text().escapedForDisplay
    let limit = 100
    guard text.utf8.count > limit, case let start = text.prefix(limit - 20), start.count < text.count else {
      return text
    }
    return "\(start)... (\(text.utf8.count) bytes; --json prints all)"
  }

  private var otherLines: [String] {
    if state.others.isEmpty { return [] }
    return ["", "beside the tensors"]
      + state.others.map {
        "  \($0.isRefused ? "REFUSED " : "")\($0.name.escapedForDisplay): \($0.kind): \($0.reason.escapedForDisplay)"
      }
  }

  private var checkLines: [String] {
    guard let findings else { return [] }
    let errors = findings.count { $0.severity == .error }
    return ["", "check: \(count(errors, "error")), \(count(findings.count - errors, "warning"))"]
      + findings.map { "  \($0.severity.rawValue.uppercased()) \($0.description)" }
  }

  private static func cells(_ statistics: TensorStatistics?) -> [String] {
    guard let statistics else { return ["-", "-", "-", "-", "-", "-"] }
    let numbers = [statistics.minimum, statistics.maximum, statistics.mean, statistics.standardDeviation]
    return numbers.map { $0.map(short) ?? "-" } + [String(statistics.nanCount), String(statistics.infiniteCount)]
  }

  /// Five significant digits.
  private static func short(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return "0" }
    let exponent = Int(log10(value.magnitude).rounded(.down))
    guard (-4..<6).contains(exponent) else {
      let scaled = (value / pow(10, Double(exponent)) * 1e4).rounded() / 1e4
      return "\(scaled)e\(exponent)"
    }
    let unit = pow(10, Double(4 - exponent))
    return "\((value * unit).rounded() / unit)"
  }

  /// The names as a tree: one line for each part, tensors with dtype and shape.
  var tree: String {
    var lines = [state.origin?.path.escapedForDisplay ?? ""]
    var open: [String] = []
    for element in state {
      let parts = element.name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      let folders = Array(parts.dropLast())
      let common = zip(open, folders).prefix { $0 == $1 }.count
      for depth in common..<folders.count {
        lines.append(String(repeating: "  ", count: depth + 1) + folders[depth].escapedForDisplay)
      }
      open = folders
      let tie = element.aliasOf.map { " = \($0.escapedForDisplay) (tied)" } ?? ""
      lines.append(
        String(repeating: "  ", count: parts.count) + (parts.last ?? "").escapedForDisplay
          + "  \(element.tensor.typeName) \(element.tensor.logicalShape)\(tie)")
    }
    return (lines + otherLines + checkLines).joined(separator: "\n")
  }
}
