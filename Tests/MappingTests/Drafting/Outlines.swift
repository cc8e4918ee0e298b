import TensorFerryMapping
import TensorFerryTensors

/// Float32 outlines from names and shapes.
func outlines(_ tensors: KeyValuePairs<String, Shape>) -> [TensorOutline] {
  tensors.map { TensorOutline(name: $0.key, shape: $0.value, dtype: .f32) }
}

/// A weight `[out, in]` and its bias.
func linear(_ name: String, _ out: Int, _ input: Int, transposed: Bool = false) throws -> [TensorOutline] {
  let shape = try Shape(transposed ? [input, out] : [out, input])
  return [
    TensorOutline(name: name + ".weight", shape: shape, dtype: .f32),
    TensorOutline(name: name + ".bias", shape: try Shape([out]), dtype: .f32),
  ]
}

func norm(_ name: String, _ width: Int) throws -> [TensorOutline] {
  [
    TensorOutline(name: name + ".weight", shape: try Shape([width]), dtype: .f32),
    TensorOutline(name: name + ".bias", shape: try Shape([width]), dtype: .f32),
  ]
}

/// Blocks of a network, `part(i)` for each number.
func blocks(_ numbers: some Sequence<Int>, _ part: (Int) throws -> [TensorOutline]) rethrows -> [TensorOutline] {
  try numbers.flatMap(part)
}

extension Draft {
  /// What makes a target; nil if it is open.
  func step(_ target: String) -> DraftStep? { steps.first { $0.targets.contains(target) } }
  func question(_ target: String) -> OpenChoice? { open.first { $0.target == target } }
}
