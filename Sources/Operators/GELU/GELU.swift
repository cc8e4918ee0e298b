public import TensorFerryTensors

/// `x / 2 * (1 + erf(x / sqrt(2)))`: the exact form, which is PyTorch's default; not the approximation by tanh.
///
/// Operand: x of any shape. Result: the same shape.
public struct GELU: Operator {
  public static let id = "gelu"

  public init() {}

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 1...1)
    return operands[0]
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (x, result) = (operands[0].elements, output.elements)
    let root = Float(0.5).squareRoot()
    for i in 0..<result.count { result[i] = x[i] / 2 * complementaryErrorFunction(-x[i] * root) }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let (x, result) = (operands[0].elements, output.elements)
    for i in 0..<result.count { result[i] = x[i] / 2 * Self.onePlusErf(x[i]) }
  }

  static func onePlusErf(_ x: Double) -> Double { complementaryErrorFunction(-x * 0.5.squareRoot()) }

  /// PyTorch adds 1 to an error function that is good to some units *of 1*, not of itself: for `x` below 0 that sum
  /// cancels, and the error stays. So with `z = |x| / sqrt(2)`, a side with unit roundoff `u` is off by
  ///
  /// - `e u` in erf itself, and what its argument, which is rounded twice, moves it: at most `3 u z` times its largest
  ///   slope nearby, `2 / sqrt(pi) * exp(-(z (1 - 3u))^2)`;
  /// - one rounding of the sum, and one of the product: `(1 + u)^2`.
  ///
  /// All of it counts `|x| / 2` times.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let (x, result) = (operands[0].elements, bound.elements)
    for i in 0..<result.count {
      let error = Self.error(of: rounding, x[i]) + Self.error(of: .float64, x[i])
      result[i] = error * Rounding.outward(8)
    }
  }

  /// - Parameter reach: how far the operand of the side may be from `x`; the error is the largest in that range.
  static func error(of side: Rounding, _ x: Double, reach: Double = 0) -> Double {
    let u = side.unit
    let (least, most) = (max(0, x.magnitude - reach), x.magnitude + reach)
    let nearby = least * 0.5.squareRoot() * (1 - 3 * u)
    let slope = 2 / Double.pi.squareRoot() * exponential(-nearby * nearby)
    let erf = side.erfUnits * u + 3 * u * most * 0.5.squareRoot() * slope
    let products = 2 * u + u * u
    return most / 2 * (erf * (1 + products) + onePlusErf(x + reach) * products) + 4 * side.leastNonzero
  }
}
