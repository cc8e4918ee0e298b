public import TensorFerryOperators
public import TensorFerryTensors

/// A model whose output is a logit for each class, of shape `[batch, classes]`.
public protocol Classifier: Model {}

extension Classifier {
  /// The class of each sample: the index of its largest logit, the first of equal ones; NaN counts as the largest, as
  /// `torch.argmax` has it.
  ///
  /// - Parameter logits: shape `[batch, classes]`, as the model returns them.
  /// - Throws: ``TensorError`` if the tensor is not a matrix of floats.
  public static func classes(of logits: Tensor) throws -> [Int] {
    guard logits.shape.rank == 2, logits.shape[1] > 0 else {
      throw TensorError(.sizeMismatch, "logits have the shape [batch, classes], this is \(logits.shape)")
    }
    let values = try logits.floats()
    return (0..<logits.shape[0]).map { sample in
      let row = values[sample * logits.shape[1]..<(sample + 1) * logits.shape[1]]
      if let undefined = row.firstIndex(where: \.isNaN) { return undefined - row.startIndex }
      let largest = row.indices.reduce(row.startIndex) { row[$1] > row[$0] ? $1 : $0 }
      return largest - row.startIndex
    }
  }
}
