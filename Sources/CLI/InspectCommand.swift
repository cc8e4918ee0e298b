internal import ArgumentParser
internal import TensorFerry

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what is in a weight file: names, element types, shapes, metadata.",
    discussion: """
      The format is found by the file's content. Nothing but headers is read unless --hash is given.

      EXAMPLES
        tensorferry inspect checkpoint.h5
        tensorferry inspect checkpoint.h5 --hash --json
      """)

  @Argument(help: "The weight file.")
  var file: String

  @Flag(help: "Add the SHA-256 of each tensor's contiguous little-endian bytes.")
  var hash = false

  @Flag(help: "End with status 2 if the file holds something that must not be followed or cannot be read.")
  var check = false

  @OptionGroup var output: JSONOptions

  func run() throws {
    try output.reporting {
      let state = try StateDict(path: file)
      let hashes = hash ? try state.map { try $0.tensor.sha256() } : []
      let inspection = Inspection(state: state, hashes: hashes)
      output.print(inspection.json, text: inspection.text)
      let refused = state.others.filter(\.isRefused)
      if check, let first = refused.first {
        throw WeightFileError(
          .refused, "\(refused.count) refused: '\(first.name.escapedForDisplay)' is a \(first.kind): \(first.reason)",
          file: file)
      }
    }
  }
}

/// What `inspect` prints.
private struct Inspection {
  let state: StateDict
  /// One for each tensor, or none.
  let hashes: [String]

  var json: JSONValue {
    let origin = state.origin
    return [
      "schema": "tensorferry.inspect/1",
      "file": [
        "path": JSONValue(origin?.path), "format": JSONValue(origin?.format), "layout": JSONValue(origin?.layout),
        "bytes": origin.map { JSONValue($0.byteCount) } ?? nil,
      ],
      "metadata": .object(state.metadata),
      "tensors": .array(state.enumerated().map { tensor($1, hash: hashes.isEmpty ? nil : hashes[$0]) }),
      "other": .array(
        state.others.map { other in
          var members: [JSONValue.Member] = [
            .init("name", .string(other.name)), .init("kind", .string(other.kind)), .init("reason", .string(other.reason)),
          ]
          if other.isRefused { members.append(.init("problem", .string("\(other.kind): \(other.reason)"))) }
          return .object(members)
        }),
    ]
  }

  private func tensor(_ element: StateDict.Element, hash: String?) -> JSONValue {
    let tensor = element.tensor
    var members: [JSONValue.Member] = [
      .init("name", .string(element.name)), .init("dtype", .string(tensor.dtype.rawValue)),
      .init("shape", JSONValue(tensor.shape)), .init("bytes", JSONValue(tensor.byteCount)),
      .init("offset", tensor.fileOffset.map { JSONValue($0) } ?? nil), .init("alias_of", JSONValue(element.aliasOf)),
    ]
    if let hash { members.append(.init("sha256", .string(hash))) }
    return .object(members)
  }

  var text: String {
    let origin = state.origin
    let owned = state.filter { $0.aliasOf == nil }
    let elements = owned.reduce(0) { $0 + $1.tensor.shape.elementCount }
    let bytes = owned.reduce(0) { $0 + $1.tensor.byteCount }
    var lines = [
      [origin?.path.escapedForDisplay, origin?.format, origin?.layout].compactMap { $0 }.joined(separator: " · "),
      "\(state.count) tensors, \(elements) elements, \(bytes) bytes of data",
    ]
    if !state.isEmpty {
      var rows = [["NAME", "DTYPE", "SHAPE", "BYTES", hashes.isEmpty ? "" : "SHA-256", ""]]
      for (index, element) in state.enumerated() {
        rows.append([
          element.name.escapedForDisplay, element.tensor.dtype.rawValue, element.tensor.shape.description,
          String(element.tensor.byteCount), hashes.isEmpty ? "" : hashes[index],
          element.aliasOf.map { "= \($0.escapedForDisplay) (tied)" } ?? "",
        ])
      }
      lines += ["", Table(rows: rows, rightAligned: [3]).text]
    }
    if !state.metadata.isEmpty {
      lines += ["", "metadata"]
      lines += state.metadata.map { "  \($0.key.escapedForDisplay): \($0.value.text().escapedForDisplay)" }
    }
    if !state.others.isEmpty {
      lines += ["", "not tensors"]
      lines += state.others.map {
        "  \($0.isRefused ? "REFUSED " : "")\($0.name.escapedForDisplay): \($0.kind): \($0.reason.escapedForDisplay)"
      }
    }
    return lines.joined(separator: "\n")
  }
}
