internal import ArgumentParser
internal import TensorFerry

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compares two weight files, tensor by tensor, whatever their formats.",
    discussion: """
      Status 0: the tensors are equal bit for bit. 1: a tensor differs. 2: a file could not be read as a whole. Ties, \
      metadata and the order of the names are told, and leave the status as it is.

      EXAMPLES
        tensorferry diff model.pt model.safetensors
        tensorferry diff before.h5 after.h5 --json
      """)

  @Argument(help: "A weight file.")
  var left: String

  @Argument(help: "The weight file to compare it with.")
  var right: String

  @OptionGroup var input: InputOptions
  @OptionGroup var output: JSONOptions

  func run() throws {
    try output.reporting {
      let states = try [left, right].map { try input.open($0) }
      // Files are not equal as long as something in them was not compared.
      for state in states { try state.checkComplete() }
      let difference = try states[0].difference(from: states[1])
      output.print(json(difference), text: text(difference))
      if !difference.tensorsAreEqual { throw ExitStatus.refuted }
    }
  }

  private func json(_ difference: StateDictDifference) -> JSONValue {
    [
      "schema": "tensorferry.diff/1",
      "equal": .bool(difference.tensorsAreEqual),
      "equal_tensors": JSONValue(difference.equal),
      "only_left": .array(difference.onlyLeft.map { .string($0) }),
      "only_right": .array(difference.onlyRight.map { .string($0) }),
      "changes": .array(difference.changes.map(json)),
      "ties_only_left": .array(difference.tiesOnlyLeft.map { .array($0.map { .string($0) }) }),
      "ties_only_right": .array(difference.tiesOnlyRight.map { .array($0.map { .string($0) }) }),
      "metadata": .array(difference.metadata.map { .string($0) }),
      "order_differs": .bool(difference.orderDiffers),
    ]
  }

  private func json(_ change: StateDictDifference.Change) -> JSONValue {
    func side(_ tensor: LazyTensor) -> JSONValue {
      ["dtype": .string(tensor.dtype.rawValue), "shape": JSONValue(tensor.shape)]
    }
    var values: JSONValue = nil
    if let comparison = change.comparison {
      values = [
        "compared": JSONValue(comparison.compared), "equal_bits": JSONValue(comparison.equalBits),
        "different": JSONValue(comparison.different), "max_abs": .number(comparison.maximumDifference),
        "max_ulp": comparison.maximumULPs.map { JSONValue($0) } ?? nil,
        "nonfinite": JSONValue(comparison.nonFiniteMismatches),
        "first": comparison.firstDifference.map { JSONValue($0) } ?? nil,
      ]
    }
    return [
      "name": .string(change.name), "kind": .string(change.kind.rawValue), "left": side(change.left),
      "right": side(change.right), "values": values,
    ]
  }

  private func text(_ difference: StateDictDifference) -> String {
    var lines: [String] = []
    lines += difference.onlyLeft.map { "only in \(left.escapedForDisplay): \($0.escapedForDisplay)" }
    lines += difference.onlyRight.map { "only in \(right.escapedForDisplay): \($0.escapedForDisplay)" }
    for change in difference.changes {
      let name = change.name.escapedForDisplay
      switch change.kind {
      case .shape: lines.append("shape   \(name): \(change.left.shape) and \(change.right.shape)")
      case .dtype:
        let values = change.comparison.map { $0.different == 0 ? ", the same values" : ", \(Self.summary($0))" } ?? ""
        lines.append("dtype   \(name): \(change.left.dtype.rawValue) and \(change.right.dtype.rawValue)\(values)")
      case .bits: lines.append("bits    \(name): \(change.comparison.map(Self.summary) ?? "")")
      }
    }
    lines += difference.tiesOnlyLeft.map { "tied only on the left:  \($0.joined(separator: " = ").escapedForDisplay)" }
    lines += difference.tiesOnlyRight.map { "tied only on the right: \($0.joined(separator: " = ").escapedForDisplay)" }
    if !difference.metadata.isEmpty {
      lines.append("metadata differs: \(difference.metadata.joined(separator: ", ").escapedForDisplay)")
    }
    if difference.orderDiffers { lines.append("the order of the names differs") }
    lines.append(
      "\(count(difference.equal, "tensor")) equal bit for bit, \(difference.changes.count) differ, "
        + "\(difference.onlyLeft.count + difference.onlyRight.count) on one side only")
    return lines.joined(separator: "\n")
  }

  private static func summary(_ comparison: TensorComparison) -> String {
    var parts = ["\(comparison.compared - comparison.equalBits) of \(comparison.compared) elements differ in bits"]
    if comparison.different > 0 { parts.append("largest difference \(comparison.maximumDifference)") }
    if let ulps = comparison.maximumULPs { parts.append("\(ulps) units of the last place") }
    if comparison.nonFiniteMismatches > 0 {
      parts.append("\(comparison.nonFiniteMismatches) are not finite on one side")
    }
    if let first = comparison.firstDifference { parts.append("the first at \(first)") }
    return parts.joined(separator: ", ")
  }
}
