import TensorFerryTestSupport
import Testing

/// A way to add up products that the model of arithmetic allows: every operation is rounded to nearest, in any order.
///
/// It is carried out in the arithmetic of `Scalar`, which is that of the processor.
struct Summation: CustomTestStringConvertible {
  enum Order: CaseIterable {
    case forwards, backwards
    /// Several accumulators that start at 0, as SIMD registers and threads do, added up in the end.
    case lanes
    /// Halves of halves.
    case pairs
    /// A random tree.
    case random
    /// A tree that takes, out of some random pairs, the one whose sum is rounded down most.
    case losing
  }

  var order: Order
  /// Whether a product is rounded together with the sum that it goes into.
  var fuses = false
  /// Whether results below the least normal number become 0.
  var flushes = false

  static let all = Order.allCases.flatMap { [Summation(order: $0), Summation(order: $0, fuses: true)] }

  var testDescription: String { "\(order)\(fuses ? ", fused" : "")" }

  /// A value, or a product that is not rounded yet.
  enum Node<Scalar: BinaryFloatingPoint> {
    case product(Scalar, Scalar)
    case value(Scalar)
  }

  private func flushed<Scalar: BinaryFloatingPoint>(_ value: Scalar) -> Scalar {
    flushes && value.magnitude < .leastNormalMagnitude ? 0 : value
  }

  private func rounded<Scalar: BinaryFloatingPoint>(_ node: Node<Scalar>) -> Scalar {
    switch node {
    case .product(let a, let b): flushed(a * b)
    case .value(let value): value
    }
  }

  func add<Scalar: BinaryFloatingPoint>(_ left: Node<Scalar>, _ right: Node<Scalar>) -> Node<Scalar> {
    switch (left, right) {
    case (.product(let a, let b), let other) where fuses, (let other, .product(let a, let b)) where fuses:
      .value(flushed(rounded(other).addingProduct(a, b)))
    default: .value(flushed(rounded(left) + rounded(right)))
    }
  }

  func sum<Scalar: BinaryFloatingPoint>(
    _ left: [Scalar], _ right: [Scalar], bias: Scalar? = nil, _ random: inout SeededRandom
  ) -> Scalar {
    var nodes = zip(left, right).map { Node.product($0, $1) }
    // A bias comes first, last or anywhere.
    if let bias { nodes.insert(.value(bias), at: Int.random(in: 0...nodes.count, using: &random)) }
    return rounded(sum(nodes, &random))
  }

  func sum<Scalar: BinaryFloatingPoint>(_ values: [Scalar], _ random: inout SeededRandom) -> Scalar {
    rounded(sum(values.map { .value($0) }, &random))
  }

  private func sum<Scalar: BinaryFloatingPoint>(
    _ nodes: [Node<Scalar>], _ random: inout SeededRandom
  ) -> Node<Scalar> {
    guard let first = nodes.first else { return .value(0) }
    switch order {
    case .forwards: return nodes.dropFirst().reduce(first, add)
    case .backwards: return nodes.dropLast().reversed().reduce(nodes[nodes.count - 1], add)
    case .lanes:
      var lanes = [Node<Scalar>](repeating: .value(0), count: Int.random(in: 2...16, using: &random))
      for (index, node) in nodes.enumerated() { lanes[index % lanes.count] = add(lanes[index % lanes.count], node) }
      return lanes.dropFirst().reduce(lanes[0], add)
    case .pairs: return pairs(nodes[...])
    case .random, .losing: return tree(nodes, candidates: order == .losing ? 6 : 1, &random)
    }
  }

  private func pairs<Scalar: BinaryFloatingPoint>(_ nodes: ArraySlice<Node<Scalar>>) -> Node<Scalar> {
    guard nodes.count > 1 else { return nodes.first ?? .value(0) }
    let half = nodes.count / 2
    return add(pairs(nodes.prefix(half)), pairs(nodes.dropFirst(half)))
  }

  private func tree<Scalar: BinaryFloatingPoint>(
    _ leaves: [Node<Scalar>], candidates: Int, _ random: inout SeededRandom
  ) -> Node<Scalar> {
    var nodes = leaves
    while nodes.count > 1 {
      var best: (pair: (Int, Int), loss: Scalar)?
      for _ in 0..<candidates {
        let (i, j) = (Int.random(in: 0..<nodes.count, using: &random), Int.random(in: 0..<nodes.count, using: &random))
        guard i != j else { continue }
        let (a, b) = (rounded(nodes[i]), rounded(nodes[j]))
        let sum = a + b
        // What rounding took off the sum (Knuth's two-sum).
        let loss = (a - (sum - (sum - a))) + (b - (sum - a))
        if best == nil || loss > best!.loss { best = ((i, j), loss) }
      }
      guard let (i, j) = best?.pair else { continue }
      nodes[i] = add(nodes[i], nodes[j])
      nodes.swapAt(j, nodes.count - 1)
      nodes.removeLast()
    }
    return nodes[0]
  }
}
