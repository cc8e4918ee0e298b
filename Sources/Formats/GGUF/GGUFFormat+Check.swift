public import TensorFerryTensors

extension GGUFFormat {
  /// What llama.cpp asks for, padding that is not 0, bytes that belong to nothing.
  ///
  /// Order and alignment of the tensors are rules that a file must keep to be read at all.
  public func check(_ file: SourceFile, _ state: StateDict?) throws -> [FormatFinding] {
    guard let state else { return [] }
    var findings = state.others.filter { !$0.isRefused }.map {
      FormatFinding(.warning, "\($0.kind): \($0.reason)")
    }
    if (state.metadata("general.architecture")?.string ?? "").isEmpty {
      findings.append(.init(.warning, "the key 'general.architecture' is missing, which llama.cpp needs"))
    }
    for name in state.names where name.utf8.count >= GGUFLimits.nameByteCount {
      findings.append(.init(.warning, "the name has \(name.utf8.count) bytes, ggml opens at most 63", tensor: name))
    }
    return try findings
      + FormatFinding.collecting { findings in
        let header = try GGUFHeader(file)
        for part in try GGUFSplit(file, header)?.parts ?? [(file, header)] {
          for var finding in try padding(in: part.file, part.header) {
            finding.file = part.file.path
            findings.append(finding)
          }
        }
      }
  }

  private func padding(in file: SourceFile, _ header: GGUFHeader) throws -> [FormatFinding] {
    var findings: [FormatFinding] = []
    for (index, tensor) in header.tensors.enumerated() {
      let end = tensor.offset + UInt64(tensor.byteShape.elementCount)
      let next = index + 1 < header.tensors.count ? header.tensors[index + 1].offset : min(header.end, file.byteCount)
      // Less than an alignment, which is at most 64 KiB.
      guard next > end, next - end <= GGUFLimits.alignments.upperBound else {
        if next < header.end, index + 1 == header.tensors.count {
          findings.append(
            .init(
              .warning, "the file ends without the padding of its last tensor", tensor: tensor.name, place: .byte(end)))
        }
        continue
      }
      if try file.read(at: end, count: Int(next - end)).contains(where: { $0 != 0 }) {
        findings.append(
          .init(
            .warning, "the \(next - end) bytes of padding behind the tensor are not all 0", tensor: tensor.name,
            place: .byte(end)))
      }
    }
    return findings
  }
}
