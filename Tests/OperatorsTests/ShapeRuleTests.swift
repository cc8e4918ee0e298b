import Foundation
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite("shape rules")
struct ShapeRuleTests {
  static let accepted: [(any Operator, [Shape], Shape)] = [
    (Linear(), [[7], [5, 7]], [5]),
    (Linear(), [[2, 3, 7], [5, 7], [5]], [2, 3, 5]),
    (Linear(), [[2, 0, 7], [5, 7]], [2, 0, 5]),
    (Softmax(axis: 1), [[2, 3, 1]], [2, 3, 1]),
    (WeightedSum(), [[2, 3, 1], [2, 3, 5]], [2, 5]),
    (BatchedProduct(), [[2, 3, 7], [2, 7, 5]], [2, 3, 5]),
    (BatchedProduct(transposeRight: true), [[2, 3, 7], [2, 5, 7]], [2, 3, 5]),
    (BatchedProduct(), [[2, 4, 3, 7], [2, 4, 7, 5]], [2, 4, 3, 5]),
    (Linear(weight: .init(2, of: 3), bias: .init(2, of: 3)), [[4, 7], [15, 7], [15]], [4, 5]),
    (Linear(bias: .init(0, of: 3)), [[4, 7], [5, 7], [15]], [4, 5]),
    (Add(), [[2, 3], [2, 3]], [2, 3]),
    (ReLU(), [[2, 3]], [2, 3]),
    (GELU(), [[2, 3]], [2, 3]),
    (LayerNorm(eps: 1e-5), [[2, 3, 7], [7], [7]], [2, 3, 7]),
    (MaskedSoftmax(axis: 1), [[2, 5, 1], [2, 5]], [2, 5, 1]),
    (MaskedSoftmax(axis: 3), [[2, 4, 3, 5], [2, 5]], [2, 4, 3, 5]),
    (SplitHeads(heads: 3), [[2, 5, 12]], [2, 3, 5, 4]),
    (MergeHeads(), [[2, 3, 5, 4]], [2, 5, 12]),
    (MeanOverHeads(), [[2, 3, 5, 4]], [2, 5, 4]),
  ]

  @Test("operands that fit give the shape of the result", arguments: accepted.indices)
  func accepts(_ index: Int) throws {
    let (operation, operands, result) = Self.accepted[index]
    #expect(try operation.outputShape(operands) == result)
  }

  static let refused: [(OperatorError.Code, any Operator, [Shape])] = [
    (.operandCount, Linear(), [[2, 7]]),
    (.operandCount, Softmax(axis: 0), [[2, 7], [2, 7]]),
    (.operandCount, WeightedSum(), [[2, 3, 1]]),
    (.operandCount, BatchedProduct(), [[2, 3, 7]]),
    (.rank, Linear(), [.scalar, [5, 7]]),
    (.rank, Linear(), [[2, 7], [5, 7, 1]]),
    (.rank, Linear(), [[2, 7], [5, 7], [5, 1]]),
    (.rank, Softmax(axis: 2), [[2, 7]]),
    (.rank, Softmax(axis: -1), [[2, 7]]),
    (.rank, WeightedSum(), [[2, 3], [2, 3, 5]]),
    (.rank, WeightedSum(), [[2, 3, 1], [3, 5]]),
    (.rank, BatchedProduct(), [[3, 7], [2, 7, 5]]),
    (.dimensionMismatch, Linear(), [[2, 6], [5, 7]]),
    (.dimensionMismatch, Linear(), [[2, 7], [5, 7], [7]]),
    (.dimensionMismatch, WeightedSum(), [[2, 3, 5], [2, 3, 5]]),
    (.dimensionMismatch, WeightedSum(), [[2, 4, 1], [2, 3, 5]]),
    (.dimensionMismatch, BatchedProduct(), [[2, 3, 7], [2, 5, 7]]),
    (.dimensionMismatch, BatchedProduct(), [[2, 3, 7], [3, 7, 5]]),
    (.operandCount, Add(), [[2]]),
    (.operandCount, ReLU(), [[2], [2]]),
    (.operandCount, GELU(), []),
    (.operandCount, LayerNorm(eps: 0), [[2, 7], [7]]),
    (.operandCount, MaskedSoftmax(axis: 1), [[2, 5, 1]]),
    (.operandCount, SplitHeads(heads: 3), [[2, 5, 12], [1]]),
    (.operandCount, MergeHeads(), []),
    (.operandCount, MeanOverHeads(), []),
    (.rank, BatchedProduct(), [[3, 7], [7, 5]]),
    (.rank, BatchedProduct(), [[2, 2, 3, 7], [2, 7, 5]]),
    (.rank, LayerNorm(eps: 0), [.scalar, [7], [7]]),
    (.rank, LayerNorm(eps: 0), [[2, 7], [1, 7], [7]]),
    (.rank, MaskedSoftmax(axis: 0), [[2, 5], [2, 5]]),
    (.rank, MaskedSoftmax(axis: 2), [[2, 5], [2, 5]]),
    (.rank, MaskedSoftmax(axis: 1), [[2, 5, 1], [5]]),
    (.rank, SplitHeads(heads: 3), [[5, 12]]),
    (.rank, MergeHeads(), [[2, 5, 12]]),
    (.rank, MeanOverHeads(), [[2, 5, 12]]),
    (.dimensionMismatch, Linear(weight: .init(0, of: 3)), [[4, 7], [16, 7]]),
    (.dimensionMismatch, Linear(bias: .init(0, of: 3)), [[4, 7], [5, 7], [5]]),
    (.dimensionMismatch, BatchedProduct(), [[2, 4, 3, 7], [2, 3, 7, 5]]),
    (.dimensionMismatch, Add(), [[2, 3], [2, 1]]),
    (.dimensionMismatch, LayerNorm(eps: 0), [[2, 7], [7], [6]]),
    (.dimensionMismatch, MaskedSoftmax(axis: 1), [[2, 5, 1], [2, 4]]),
    (.dimensionMismatch, MaskedSoftmax(axis: 3), [[2, 4, 3, 5], [4, 5]]),
    (.dimensionMismatch, SplitHeads(heads: 3), [[2, 5, 13]]),
    (.dimensionLimit, Linear(), [[1 << 31, 0], [5, 0]]),
    (.dimensionLimit, WeightedSum(), [[0, 1 << 31, 1], [0, 1 << 31, 5]]),
    (.dimensionLimit, BatchedProduct(), [[1, 1 << 31, 0], [1, 0, 5]]),
  ]

  @Test("operands that do not fit are refused with a code", arguments: refused.indices)
  func refuses(_ index: Int) {
    let (code, operation, operands) = Self.refused[index]
    #expect(throws: OperatorError.self) { try operation.outputShape(operands) }
    #expect(Self.code { _ = try operation.outputShape(operands) } == code)
  }

  @Test("a result that does not fit in memory is refused before anything is computed")
  func outOfMemory() {
    // No elements come in, 2^60 would go out.
    #expect(Self.code { _ = try MutableArrayView<Float>(shape: [1, 1 << 30, 1 << 30]) } == .outOfMemory)
  }

  @Test("every code is produced by one of these tests", arguments: OperatorError.Code.allCases)
  func everyCode(_ code: OperatorError.Code) {
    #expect(Self.refused.contains { $0.0 == code } || code == .outOfMemory)
  }

  @Test("the message names both numbers")
  func message() {
    let error = #expect(throws: OperatorError.self) { try Linear().outputShape([[2, 6], [5, 7]]) }
    #expect(error?.description == "x [2, 6] has 6 features, the weight [5, 7] takes 7")
  }

  @Test("every operator has a folder and a line in the registry")
  func registry() throws {
    let folder = Project.root.appending(path: "Sources/Operators")
    let names = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
      .filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }.map(\.lastPathComponent)
      .filter { $0 != "Folding" }
    #expect(names.sorted() == OperatorRegistry.all.map { "\($0)" }.sorted())
    #expect(Set(OperatorRegistry.all.map { $0.id }).count == names.count)
  }

  private static func code(_ body: () throws -> Void) -> OperatorError.Code? {
    do { try body() } catch { return (error as? OperatorError)?.code }
    return nil
  }
}
