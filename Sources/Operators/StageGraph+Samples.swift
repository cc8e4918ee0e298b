import TensorFerryTensors

extension StageGraph {
  /// How many bytes a stage may write before the next one reads them: what a second-level cache holds.
  private static let byteCountAtATime = 1 << 20

  /// The shapes of all stages for inputs of these shapes, in the graph's order.
  func shapes(inputs: [Shape]) throws -> [ValueName: Shape] {
    try shapes(inputs: Dictionary(uniqueKeysWithValues: zip(self.inputs.map(\.name), inputs)))
  }

  /// How many samples to run through all stages before the next ones; nil if the stages do not keep them apart.
  ///
  /// They do if every operator does, and if one sample less takes one from the first axis of everything that is computed,
  /// and nothing else.
  func samplesAtATime(_ inputs: [Shape]) throws -> Int? {
    guard let batch = inputs.first?.dimensions.first, batch > 1, stages.allSatisfy(\.operation.keepsSamplesApart) else {
      return nil
    }
    func isBatch(_ shape: Shape) -> Bool { shape.dimensions.first == batch }
    guard inputs.allSatisfy(isBatch) else { return nil }
    let all = try shapes(inputs: inputs)
    guard let fewer = try? shapes(inputs: inputs.map { try $0.withSamples(batch - 1) }) else { return nil }
    var largest = 1
    for stage in stages {
      let name = ValueName.stage(stage.name)
      guard let shape = all[name], isBatch(shape), try fewer[name] == shape.withSamples(batch - 1) else { return nil }
      if stage.name != output { largest = max(largest, shape.sampleSize) }
    }
    return max(1, Self.byteCountAtATime / MemoryLayout<Float>.size / largest)
  }
}

extension Shape {
  /// - Precondition: there is a first axis.
  func withSamples(_ count: Int) throws -> Shape { try Shape([count] + dimensions.dropFirst()) }

  /// How many elements one sample, along the first axis, has.
  var sampleSize: Int { dimensions.dropFirst().reduce(1, *) }
}
