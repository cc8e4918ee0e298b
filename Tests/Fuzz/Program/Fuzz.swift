import CTensorFerryFuzzer
import Foundation
import TensorFerryTestSupport

// What libFuzzer calls. The environment says which parser is fuzzed: TENSORFERRY_FUZZ_TARGET is its name, and
// TENSORFERRY_FUZZ_SEEDS the folder of files that others wrote, from which mutators take what they know of a format.

private let target: FuzzTarget = {
  let environment = ProcessInfo.processInfo.environment
  let name = environment["TENSORFERRY_FUZZ_TARGET"] ?? ""
  let seeds = environment["TENSORFERRY_FUZZ_SEEDS"] ?? ""
  guard let target = FuzzTarget.all(seeds: seeds).first(where: { $0.name == name }) else {
    fatalError(
      "TENSORFERRY_FUZZ_TARGET is '\(name)', it must name a parser: \(FuzzTarget.all(seeds: seeds).map(\.name))")
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(UnsafeBufferPointer(start: start, count: count))
  return 0
}

@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: CUnsignedInt) -> Int {
  var random = SeededRandom(UInt64(seed))
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  // One time in four nothing is repaired.
  guard UInt8.random(in: 0..<4, using: &random) > 0,
    let changed = target.mutate(bytes, &random), changed.count <= limit
  else { return LLVMFuzzerMutate(start, count, limit) }
  _ = UnsafeMutableBufferPointer(start: start, count: limit).update(fromContentsOf: changed)
  return changed.count
}

/// Lets libFuzzer change some bytes, which may become more by `room` or fewer.
func mutated(_ bytes: some Collection<UInt8>, room: Int = 64) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: bytes.count + room) { buffer, initialized in
    _ = buffer.initialize(from: bytes)
    buffer[bytes.count...].initialize(repeating: 0)
    initialized = LLVMFuzzerMutate(buffer.baseAddress!, bytes.count, bytes.count + room)
  }
}
