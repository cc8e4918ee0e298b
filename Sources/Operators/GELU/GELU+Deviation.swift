internal import TensorFerryTensors

extension GELU {
  /// The error function of float32 is off by two units of 1, as a rule, whatever its value; its argument and the two
  /// products round as everything does.
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let deviations = zip(operands[0].values, output.values).map { x, result in
      let z = x.magnitude * 0.5.squareRoot()
      let ofArgument = 2 / Double.pi.squareRoot() * exponential(-z * z) * z
      let half = x.magnitude / 2
      func variance(of side: Rounding) -> Double {
        let ofErf = half * half * (4 * side.unit * side.unit + side.step * side.step * 2 * ofArgument * ofArgument)
        return ofErf + side.step * side.step * 3 * result * result
      }
      return (variance(of: rounding) + variance(of: .float64)).squareRoot() + rounding.underflow(4)
    }
    return try ArrayView(deviations, shape: output.shape)
  }
}
