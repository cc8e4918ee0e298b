internal import TensorFerryOperators
internal import TensorFerryTensors

extension Coverage.Part {
  /// Counts the elements of which a change of one unit of the last place is exposed, and tells why it is not of others.
  mutating func compareWithUlps(_ values: ArrayView<Float>) {
    var (zeros, coarse) = (0, 0)
    var (ofZeros, ofCoarse, magnitude) = (0.0, 0.0, Float(0))
    withinUlp = 0
    let columns = shape.rank > 1 ? max(shape.dimensions[shape.rank - 1], 1) : max(changes.count, 1)
    for (place, change) in changes.enumerated() {
      let ulp = Double(values[elements.lowerBound + place].ulp)
      relative.add(change / ulp, row: place / columns, column: place % columns)
    }
    for (offset, change) in zip(elements, changes) where change.isFinite {
      let value = values[offset]
      if change < Double(value.ulp) {
        withinUlp += 1
      } else if value == 0 {
        zeros += 1
        ofZeros = max(ofZeros, change)
      } else {
        coarse += 1
        ofCoarse = max(ofCoarse, change)
        magnitude = max(magnitude, value.magnitude)
      }
    }
    beyondUlp = []
    if zeros > 0 {
      beyondUlp.append(
        .init(
          count: zeros,
          reason: "of value 0, where the next float32 number is 2^-149 away; any change above "
            + "\(ParityReport.short(ofZeros)) is exposed", remedy: nil))
    }
    if coarse > 0 {
      beyondUlp.append(
        .init(
          count: coarse,
          reason: "of magnitude up to \(ParityReport.short(Double(magnitude))); any change above "
            + "\(ParityReport.short(ofCoarse)) is exposed",
          remedy: certificate == .weights ? nil : "the stage in float64, or probes"))
    }
  }
}
