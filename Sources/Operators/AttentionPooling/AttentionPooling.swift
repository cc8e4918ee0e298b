internal import CTensorFerryKernels
public import TensorFerryTensors

/// Attention with one query over positions that are their own values: `p = sum over t of a_t x_t` with
/// `a = softmax over t of (x_t . query)`, in one pass over x.
///
/// Operands: x `[batch, positions, features]`, query `[1, features]`. Result: `[batch, features]`. A sample with a score
/// that is NaN or +inf becomes NaN.
///
/// The softmax is the online one (Milakov and Gimelshein, 2018): where a larger score comes, what was summed so far is
/// scaled to it.
public struct AttentionPooling: Operator {
  public static let id = "attention_pooling"

  public init() {}

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 2...2)
    let (x, query) = (operands[0], operands[1])
    try checkRank("an x", x, 3)
    try checkRank("a query", query, 2)
    guard query[0] == 1, query[1] == x[2] else {
      throw OperatorError(.dimensionMismatch, "x \(x) needs a query [1, \(x[2])], its shape is \(query)")
    }
    return try Shape([x[0], x[2]])
  }

  /// Scores and shares.
  public func multiplications(_ operands: [Shape], output: Shape) -> Int { 2 * operands[0].elementCount }

  /// The same for each sample whatever the number of threads: a sample is never divided.
  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (batch, positions, features) = sizes(operands)
    guard features > 0 else { return }
    // Safe because the threads read the one and write samples of their own of the other.
    nonisolated(unsafe) let (x, query) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    nonisolated(unsafe) let result = output.elements.baseAddress!
    workspace.split(batch, work: batch * positions * features) { samples in
      for b in samples {
        tensorferry_attention_pooling(
          x + b * positions * features, query, positions, features, result + b * features)
      }
    }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let (batch, _, features) = sizes(operands)
    let result = output.elements
    for b in 0..<batch {
      let (rows, shares) = attention(operands, of: b)
      for k in 0..<features {
        var sum = 0.0
        for (row, share) in zip(rows, shares) { sum += share * row.left[k] }
        result[b * features + k] = sum
      }
    }
  }

  /// The rows of x beside the query as terms of their scores, and the shares that they have.
  func attention(_ operands: [ArrayView<Double>], of sample: Int) -> (rows: [Terms], shares: [Double]) {
    let (_, positions, features) = sizes(operands)
    let (x, query) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    let rows = (0..<positions).map { position in
      Terms(count: features, left: x + (sample * positions + position) * features, right: query)
    }
    let scores = rows.map(\.sum)
    let largest = largest(scores)
    let powers = scores.map { exponential($0 - largest) }
    let sum = powers.reduce(0, +)
    return (rows, powers.map { $0 / sum })
  }

  func sizes<Scalar>(_ operands: [ArrayView<Scalar>]) -> (batch: Int, positions: Int, features: Int) {
    let x = operands[0].shape
    return (x[0], x[1], x[2])
  }
}
