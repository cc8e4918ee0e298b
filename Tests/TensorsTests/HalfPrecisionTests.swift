import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// The other side of every comparison is what numpy and ml_dtypes computed in the same run.
@Suite struct HalfPrecisionTests {
  /// Runs Python code that writes `out`, a numpy array of 32-bit words, and returns the words.
  private func words(_ code: String) throws -> [UInt32] {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "words")
      try python(
        """
        import sys, warnings, numpy as np, ml_dtypes
        warnings.simplefilter('ignore')
        patterns = np.arange(65536, dtype=np.uint16)
        def boundaries(narrow):
            # Every value of the narrow type, every midpoint between neighbours, and the float32 values around both.
            values = patterns.view(narrow).astype(np.float32)
            values = np.sort(values[np.isfinite(values)])
            middles = ((values[:-1].astype(np.float64) + values[1:]) / 2).astype(np.float32)
            seeds = np.concatenate([values, middles, np.array([65519.996, 65520, 3.3895e38, 3.4e38], np.float32)])
            around = [seeds, np.nextafter(seeds, np.float32(np.inf)), np.nextafter(seeds, np.float32(-np.inf))]
            extreme = np.array([np.inf, -np.inf, 0.0, -0.0, 1e-45, 3.4028235e38, 1e-8, 2.98e-8], np.float32)
            return np.concatenate(around + [extreme])
        \(code)
        out.tofile(sys.argv[1])
        """, [file.path])
      let data = try Data(contentsOf: file)
      return data.withUnsafeBytes { raw in
        (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
      }
    }
  }

  @Test("float16 widens as numpy does, for all 65,536 patterns")
  func float16Widens() throws {
    let expected = try words("out = patterns.view(np.float16).astype(np.float32).view(np.uint32)")
    #expect(expected.count == 65536)
    for (bits, word) in expected.enumerated() {
      let value = HalfPrecision.widen(UInt16(bits))
      if value.isNaN {
        // numpy keeps a signalling NaN or makes it quiet, depending on the processor's instructions.
        #expect(value.bitPattern | 0x0040_0000 == word | 0x0040_0000, "pattern \(bits)")
      } else {
        #expect(value.bitPattern == word, "pattern \(bits)")
      }
    }
  }

  @Test("bfloat16 widens as ml_dtypes does, for all 65,536 patterns")
  func bfloat16Widens() throws {
    let expected = try words("out = patterns.view(ml_dtypes.bfloat16).astype(np.float32).view(np.uint32)")
    #expect(expected.count == 65536)
    for (bits, word) in expected.enumerated() {
      #expect(BFloat16.widen(UInt16(bits)).bitPattern == word, "pattern \(bits)")
    }
  }

  @Test(
    "narrowing rounds to nearest even at every value, midpoint and neighbour, as numpy and ml_dtypes do",
    arguments: ["np.float16", "ml_dtypes.bfloat16"])
  func narrows(type: String) throws {
    let pairs = try words(
      """
      inputs = boundaries(\(type))
      narrowed = inputs.astype(\(type)).view(np.uint16).astype(np.uint32)
      out = np.stack([inputs.view(np.uint32), narrowed], axis=1).ravel()
      """)
    #expect(pairs.count > 600_000)
    let narrow = type == "np.float16" ? HalfPrecision.narrow : BFloat16.narrow
    for index in stride(from: 0, to: pairs.count, by: 2) {
      let value = Float(bitPattern: pairs[index])
      let result = UInt32(narrow(value))
      if result != pairs[index + 1] { Issue.record("\(value): \(result) is not \(pairs[index + 1])") }
    }
  }

  @Test(
    "NaN stays NaN and keeps its sign when it is narrowed",
    arguments: [0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFF80_2000])
  func narrowsNaN(bits: Int) {
    let value = Float(bitPattern: UInt32(bits))
    let half = HalfPrecision.narrow(value)
    let brain = BFloat16.narrow(value)
    #expect(HalfPrecision.widen(half).isNaN && BFloat16.widen(brain).isNaN)
    #expect(half >> 15 == UInt16(bits >> 31) && brain >> 15 == UInt16(bits >> 31))
  }

  @Test("every pattern that is not NaN survives widening and narrowing")
  func roundTrip() {
    for bits in UInt16.min...UInt16.max {
      let half = HalfPrecision.widen(bits)
      if !half.isNaN, HalfPrecision.narrow(half) != bits { Issue.record("float16 \(bits)") }
      let brain = BFloat16.widen(bits)
      if !brain.isNaN, BFloat16.narrow(brain) != bits { Issue.record("bfloat16 \(bits)") }
    }
  }
}
