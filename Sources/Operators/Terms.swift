/// The terms `left[i] * right[i]` that the oracle adds up for one element of a product, in plain loops.
///
/// The loops are `while` loops because they are most of the verifier's work and `for` is slow without optimisation.
struct Terms {
  let count: Int
  let left: UnsafePointer<Double>
  let right: UnsafePointer<Double>
  /// How far apart the terms lie in `right`.
  var step = 1

  var sum: Double {
    var sum = 0.0
    var i = 0
    while i < count {
      sum += left[i] * right[i * step]
      i += 1
    }
    return sum
  }

  /// The sum of the absolute values of the terms.
  var magnitude: Double {
    var sum = 0.0
    var i = 0
    while i < count {
      sum += (left[i] * right[i * step]).magnitude
      i += 1
    }
    return sum
  }

  /// The sum of the absolute values of all factors.
  var magnitudeOfFactors: Double {
    var sum = 0.0
    var i = 0
    while i < count {
      sum += left[i].magnitude + right[i * step].magnitude
      i += 1
    }
    return sum
  }
}
