import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files that differ from a valid one by a byte or by their length, read by us and by the library.
@Suite struct SafetensorsMutationTests {
  /// Every prefix of a small file, and every byte of it changed in eight ways.
  private static let mutants = """
    import json, struct, sys
    from safetensors import deserialize
    header = b'{"__metadata__":{"k":"v"},"a":{"dtype":"F16","shape":[2,1],"data_offsets":[2,6]},' \\
      b'"b\\\\u00e9":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"c":{"dtype":"F32","shape":[0],"data_offsets":[6,6]}} '
    seed = struct.pack("<Q", len(header)) + header + bytes(range(6))
    files = [seed[:n] for n in range(len(seed) + 1)]
    for at in range(len(seed)):
      for change in (1, 2, 4, 8, 16, 32, 64, 128):
        files.append(seed[:at] + bytes([seed[at] ^ change]) + seed[at + 1:])
    with open(sys.argv[1], "wb") as out:
      for data in files:
        out.write(struct.pack("<I", len(data)) + data)
    verdicts = []
    for data in files:
      try:
        verdicts.append({n: f"{t['dtype']} {list(t['shape'])} {bytes(t['data']).hex()}" for n, t in deserialize(data)})
      except Exception:
        verdicts.append(None)
    print(json.dumps(verdicts))
    """

  @Test("a changed file is read exactly as the library reads it, or refused where the library refuses it")
  func mutants() throws {
    try withTemporaryDirectory { directory in
      let blob = directory.appending(path: "mutants")
      let verdicts = try JSONValue(
        parsing: try python(Self.mutants, [blob.path]).trimmingCharacters(in: .whitespacesAndNewlines)
      ).array
      var rest = try Data(contentsOf: blob)[...]
      let file = directory.appending(path: "mutant")
      var accepted = 0
      for (index, verdict) in try #require(verdicts).enumerated() {
        let count = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        try Data(rest.dropFirst(4).prefix(count)).write(to: file)
        rest = rest.dropFirst(4 + count)
        let theirs = verdict.members.map {
          Dictionary(uniqueKeysWithValues: $0.map { ($0.key, $0.value.string ?? "") })
        }
        do {
          let ours = try facts(of: StateDict(path: file.path, format: .safetensors))
          #expect(ours == theirs, "mutant \(index)")
          accepted += 1
        } catch let error as WeightFileError {
          // The library takes the second of two equal names; one byte can make 'c' of 'a'.
          #expect(theirs == nil || error.reason.contains("appears twice"), "mutant \(index): \(error)")
        }
      }
      #expect(rest.isEmpty && accepted > 50)
    }
  }
}
