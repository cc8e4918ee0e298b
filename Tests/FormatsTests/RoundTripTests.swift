import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct RoundTripTests {
  /// Every dtype that both formats hold, a scalar, an empty tensor, a tied pair, Unicode names and 1,000 small tensors.
  private func state(for pair: FormatPair) throws -> StateDict {
    var state = StateDict()
    for dtype in DType.allCases where dtype != .block {
      guard try pair.source.holds(dtype), try pair.target.holds(dtype) else { continue }
      try state.append("zz.\(dtype.rawValue).weight", WritableFormat.tensor(dtype, [3, 5, 16]))
    }
    try state.append("scalar", LazyTensor(Tensor([-0.0] as [Float], shape: .scalar)))
    if pair.source.description != "gguf", pair.target.description != "gguf" {
      try state.append("empty", LazyTensor(Tensor([] as [Float], shape: [0, 3])))
    }
    let tied = try WritableFormat.tensor(.f32, [7, 3])
    try state.append("z.embedding", tied)
    try state.append("a.head.ünïcode 重み", tied, aliasOf: "z.embedding")
    for index in 0..<1000 {
      try state.append("layers.\(index).bias", LazyTensor(Tensor([Float(index), .nan], shape: [2])))
    }
    return state
  }

  @Test("bits, order and ties survive every ordered pair of formats", arguments: WritableFormat.pairs)
  func pair(_ pair: FormatPair) throws {
    try withTemporaryDirectory { directory in
      let state = try state(for: pair)
      #expect(state.count >= 1006)
      let first = directory.appending(path: "first.\(pair.source.ending)")
      try state.write(to: first, format: pair.source.format)
      let second = directory.appending(path: "second.\(pair.target.ending)")
      try StateDict(contentsOf: first).write(to: second, format: pair.target.format)
      let result = try StateDict(contentsOf: second)
      let difference = try state.difference(from: result)
      #expect(
        difference.tensorsAreEqual, "\(difference.changes.map(\.name)) \(difference.onlyLeft) \(difference.onlyRight)")
      #expect(result.names == state.names)
      let keepsTies = type(of: pair.source.format).keepsTies && type(of: pair.target.format).keepsTies
      #expect(result.sharedNames == (keepsTies ? [["z.embedding", "a.head.ünïcode 重み"]] : []))
      // What a format cannot keep, it says.
      for side in [pair.source, pair.target] where !type(of: side.format).keepsTies {
        #expect(!side.format.losses(of: state).isEmpty, "\(side)")
      }
    }
  }
}
