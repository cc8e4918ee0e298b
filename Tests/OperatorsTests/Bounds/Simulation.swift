import Foundation
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport

/// The two types whose roundings are simulated.
protocol SimulatedScalar: BinaryFloatingPoint & BitwiseCopyable & Sendable {
  static var rounding: Rounding { get }
  static func tensor(_ values: [Self], _ shape: Shape) throws -> Tensor
}

extension Float: SimulatedScalar {
  static var rounding: Rounding { .float32 }
  static func tensor(_ values: [Float], _ shape: Shape) throws -> Tensor { try Tensor(values, shape: shape) }
}

extension Double: SimulatedScalar {
  static var rounding: Rounding { .float64 }
  static func tensor(_ values: [Double], _ shape: Shape) throws -> Tensor { try Tensor(values, shape: shape) }
}

/// Operators as a program may compute them that rounds as the model says, for one row of operands.
///
/// `direction` is between -1 and 1: how much of the error that is assumed of exp and erf they have.
struct Simulation<Scalar: SimulatedScalar> {
  var summation: Summation
  var random: SeededRandom
  var rounding = Scalar.rounding

  /// A value within `error` of the exact one, as near as possible to `direction * error` from it.
  static func approximate(_ exact: Double, error: Double, direction: Double) -> Scalar {
    // In Double there is nothing finer to compute with: the library's error comes on top, and takes half.
    let share = Scalar.significandBitCount < 52 ? direction : direction / 2
    let value = Scalar(exact + share * error)
    guard abs(Double(value) - exact) > error else { return value }
    return Double(value) > exact ? value.nextDown : value.nextUp
  }

  /// - Parameter directions: of each exponential.
  mutating func softmax(_ scores: [Scalar], directions: [Double], byReciprocal: Bool) -> [Scalar] {
    let largest = scores.max() ?? 0
    let powers = zip(scores, directions).map { score, direction in
      let exact = exp(Double(score - largest))
      return exact < rounding.leastNormal
        ? Scalar(exact)
        : Self.approximate(exact, error: exact * 2 * rounding.expUlps * rounding.unit, direction: direction)
    }
    let sum = summation.sum(powers, &random)
    let reciprocal = 1 / sum
    return powers.map { byReciprocal ? $0 * reciprocal : $0 / sum }
  }

  func gelu(_ x: Scalar, direction: Double) -> Scalar {
    let z = x * Scalar(0.5.squareRoot())
    let exact = erf(Double(z))
    let value = Self.approximate(exact, error: rounding.erfUnits * rounding.unit, direction: direction)
    return x / 2 * (1 + value)
  }

  // MARK: - Layer norm

  enum Moments: CaseIterable {
    case twoPasses
    /// Updates one by one (Welford).
    case updates
    /// Lanes of chunks of updates, merged in a cascade (Chan, Golub and LeVeque).
    case cascade
  }

  struct Part {
    var count = 0
    var mean: Scalar = 0
    /// The sum of squared deviations.
    var squares: Scalar = 0

    mutating func update(_ x: Scalar) {
      count += 1
      let distance = x - mean
      mean += distance * (1 / Scalar(count))
      squares += distance * (x - mean)
    }

    mutating func merge(_ other: Part) {
      guard other.count > 0 else { return }
      let share = Scalar(other.count) / Scalar(count + other.count)
      let distance = other.mean - mean
      mean += share * distance
      squares += other.squares + distance * distance * share * Scalar(count)
      count += other.count
    }
  }

  mutating func moments(_ x: [Scalar], _ way: Moments) -> (mean: Scalar, variance: Scalar) {
    let count = Scalar(x.count)
    switch way {
    case .twoPasses:
      let mean = summation.sum(x, &random) / count
      let distances = x.map { $0 - mean }
      return (mean, summation.sum(distances, distances, &random) / count)
    case .updates:
      var part = Part()
      for value in x { part.update(value) }
      return (part.mean, part.squares / count)
    case .cascade:
      let lanes = Int.random(in: 1...8, using: &random)
      var total = Part()
      for lane in 0..<lanes { total.merge(cascade(stride(from: lane, to: x.count, by: lanes).map { x[$0] })) }
      return (total.mean, total.squares / count)
    }
  }

  private func cascade(_ x: [Scalar]) -> Part {
    var levels = [Part()]
    for (index, start) in stride(from: 0, to: x.count, by: 16).enumerated() {
      var chunk = Part()
      for value in x[start..<min(start + 16, x.count)] { chunk.update(value) }
      levels[0].merge(chunk)
      var (mask, level) = (index + 1, 0)
      while mask % 2 == 0 {
        if level + 1 == levels.count { levels.append(Part()) }
        levels[level + 1].merge(levels[level])
        levels[level] = Part()
        (mask, level) = (mask / 2, level + 1)
      }
    }
    var result = levels[0]
    for level in levels.dropFirst() { result.merge(level) }
    return result
  }

  /// - Parameter apart: whether mean and scale are folded into a factor and a summand, as PyTorch does.
  mutating func layerNorm(
    _ x: [Scalar], _ weight: [Scalar], _ bias: [Scalar], eps: Double, _ way: Moments, apart: Bool
  ) -> [Scalar] {
    let (mean, variance) = moments(x, way)
    let scale = 1 / (variance + Scalar(eps)).squareRoot()
    let summand = -scale * mean
    return x.indices.map { i in
      let normal = apart ? x[i] * scale + summand : (x[i] - mean) * scale
      return normal * weight[i] + bias[i]
    }
  }
}
