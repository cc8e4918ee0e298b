internal import ArgumentParser
internal import TensorFerry

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Converts a weight file to another format, streaming, and compares the result bit for bit.",
    discussion: """
      The input's format is found by its content, the output's by --to or by its name. What the output cannot keep is \
      told; what would lose values is refused unless --allow-lossy is given, and a name that the output cannot hold \
      unless --escape-names is. Quantised and packed weights are carried as they are and never cast.

      EXAMPLES
        tensorferry convert checkpoint.pt model.safetensors
        tensorferry convert model.safetensors model.h5 --dtype bf16 --allow-lossy
        tensorferry convert checkpoint.pt model.safetensors --shard-size 5GB
        tensorferry convert checkpoint.pt model.safetensors --key model --strip-prefix module. --dry-run
        tensorferry convert checkpoint.pt model.safetensors --map mapping.yaml
        tensorferry convert model.h5 back.pt --inverse
      """)

  @Argument(help: "The file to read.")
  var input: String

  @Argument(help: "The file to write.")
  var output: String

  @Option(help: "The output's format: \(FormatChoice.names).")
  var to: String?

  @Option(help: "Cast floating-point tensors to this type: f64, f32, f16, bf16, f8_e4m3 or f8_e5m2.")
  var dtype: String?

  @Option(help: "Write safetensors in shards of at most this size and an index: bytes, or a number with KB, MB or GB.")
  var shardSize: ByteSize?

  @Flag(help: "Permit casts that change values.")
  var allowLossy = false

  @OptionGroup var mapping: MappingOptions

  @Flag(help: "Undo the mapping by which a model file was imported: its tensors under their first names.")
  var inverse = false

  @Flag(help: "Write names that the format cannot hold with %, so that they are read back as they were.")
  var escapeNames = false

  @Flag(name: [.short, .long], help: "Plan from headers alone and write nothing.")
  var dryRun = false

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @Flag(name: [.short, .long], help: "Show no progress; without it, a terminal sees some.")
  var quiet = false

  @OptionGroup var source: InputOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var answer: JSONOptions

  func run() throws {
    try answer.reporting {
      let target = try dtype.map { name -> DType in
        guard let dtype = DType(rawValue: name.uppercased()), dtype.isFloatingPoint else {
          throw ValidationError("'\(name)' is not a floating-point type that tensors are cast to")
        }
        return dtype
      }
      let (state, plan) = try mapped(selection.apply(to: source.open(input)))
      let conversion = try Conversion(
        state, to: FormatChoice.format(named: to, for: output, shardSize: shardSize?.count), dtype: target,
        escapingNames: escapeNames)
      try conversion.checkRepresentable(at: output)
      var report: WriteReport?
      if !dryRun {
        if !allowLossy { try conversion.checkLossless() }
        report = try write(conversion)
      }
      answer.print(json(conversion, state, plan, report), text: text(conversion, state, plan, report))
    }
  }

  func validate() throws {
    if inverse, mapping.map != nil {
      throw ValidationError("--inverse undoes the mapping that the file records; --map is another")
    }
  }

  /// The tensors as the mapping makes them, if there is one.
  private func mapped(_ state: StateDict) throws -> (StateDict, MappingPlan?) {
    var state = state
    let plan = try inverse ? mapping.recordedInverse(in: state) : mapping.read().map { MappingPlan($0, from: state) }
    // What the model file says of itself is not true of the tensors under their first names.
    if inverse { state.metadata.removeAll { ["plan", "model", "configuration", "producer"].contains($0.key) } }
    guard let plan else { return (state, nil) }
    try MappingOptions.checkPacked(plan, state)
    if !dryRun, !allowLossy {
      let losses = try plan.castLosses(state)
      if let first = losses.first {
        throw WeightFileError(
          .lossyCast, losses.summary + "; --allow-lossy permits it", file: state.origin?.path, tensor: first)
      }
    }
    return (try plan.apply(to: state), plan)
  }

  private func write(_ conversion: Conversion) throws -> WriteReport {
    Leftovers.tell(beside: output)
    let line = ProgressLine(isQuiet: quiet)
    defer { line.erase() }
    return try Interruption.watching {
      try conversion.write(to: output, replacing: force) { progress in
        try Interruption.check()
        line.show(progress)
      }
    }
  }

  private func json(
    _ conversion: Conversion, _ state: StateDict, _ plan: MappingPlan?, _ report: WriteReport?
  ) -> JSONValue {
    [
      "schema": "tensorferry.convert/1",
      "source": [
        "path": .string(input), "format": JSONValue(state.origin?.format),
        "extension_format": JSONValue(state.origin?.contradictingFormat),
      ],
      "output": .string(dryRun ? output : conversion.writtenPath(for: output)),
      "dry_run": .bool(dryRun),
      "bytes": JSONValue(conversion.byteCount),
      "shared_bytes": report.map { JSONValue($0.sharedByteCount) } ?? .null,
      "copied_bytes": report.map { JSONValue($0.copiedByteCount) } ?? .null,
      "tensors": .array(
        conversion.steps.map {
          [
            "name": .string($0.name), "written_name": .string($0.writtenName), "from": .string($0.source.rawValue),
            "to": .string($0.target.rawValue),
            "shape": JSONValue($0.shape), "bytes": JSONValue($0.byteCount), "alias_of": JSONValue($0.aliasOf),
          ]
        }),
      "packed": .array(conversion.packed.map { .string($0) }),
      "losses": .array(conversion.losses.map { .string($0) }),
      "plan": plan?.json ?? nil,
    ]
  }

  private func text(
    _ conversion: Conversion, _ state: StateDict, _ plan: MappingPlan?, _ report: WriteReport?
  ) -> String {
    let casts = conversion.steps.filter { $0.source != $0.target }
    var lines = ["read    \(input.escapedForDisplay): \(state.origin?.format ?? ""), \(count(state.count, "tensor"))"]
    if let plan, dryRun {
      lines.append(plan.table)
    } else if dryRun {
      let rows = conversion.steps.map { step in
        [
          "", step.name.escapedForDisplay,
          step.source == step.target ? step.source.rawValue : "\(step.source.rawValue) -> \(step.target.rawValue)",
          step.shape.description, String(step.byteCount), step.aliasOf.map { "= \($0.escapedForDisplay)" } ?? "",
        ]
      }
      lines.append(Table(rows: rows, rightAligned: [4]).text)
    }
    if let plan {
      lines.append(
        "mapped  \(count(plan.assignments.count, "tensor")), \(plan.dropped.count) dropped, \(plan.ignored.count) ignored"
      )
    }
    if !casts.isEmpty {
      let condition = dryRun && !allowLossy ? "; refused if that changes a value, unless --allow-lossy is given" : ""
      lines.append("cast    \(count(casts.count, "tensor")) to \(casts[0].target.rawValue)\(condition)")
    }
    if let first = conversion.packed.first {
      lines.append(
        "kept    \(count(conversion.packed.count, "tensor")) of packed weights as they are, such as "
          + "'\(first.escapedForDisplay)'; inspect names their scheme")
    }
    let escaped = conversion.steps.filter { $0.name != $0.writtenName }
    if let first = escaped.first {
      lines.append(
        "escaped \(count(escaped.count, "name")), such as '\(first.name.escapedForDisplay)', written as "
          + "'\(first.writtenName.escapedForDisplay)'; they are read back as they were")
    }
    lines += conversion.losses.map { "lost    \($0.escapedForDisplay)" }
    lines.append(
      dryRun
        ? "would write \(output.escapedForDisplay): \(conversion.byteCount) bytes of data, through a buffer of 4 MiB"
        : "wrote   \(conversion.writtenPath(for: output).escapedForDisplay): \(conversion.byteCount) bytes of data, read back and compared bit for bit"
    )
    if let report, report.sharedByteCount + report.copiedByteCount > 0 {
      lines.append(
        "        \(report.sharedByteCount) bytes shared with the input on the disk, \(report.copiedByteCount) copied by "
          + "the system")
    }
    return lines.joined(separator: "\n")
  }
}
