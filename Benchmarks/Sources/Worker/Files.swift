internal import TensorFerry

/// Opens a weight file and lists what is in it: name, element type, shape and place of every tensor.
func list(_ arguments: Arguments) throws -> () throws -> Void {
  let path = try arguments.text(0)
  let expected = try arguments.size(1)
  return {
    var (count, sum) = (0, UInt64(0))
    for element in try StateDict(path: path) {
      count += 1
      sum &+= UInt64(element.tensor.shape.elementCount) &+ (element.tensor.fileOffset ?? 0)
    }
    guard count == expected, sum > 0 else { throw Refusal("\(count) tensors are listed, there are \(expected)") }
  }
}

/// Opens a weight file and reads every byte of every tensor, a piece at a time.
func readAll(_ arguments: Arguments) throws -> () throws -> Void {
  let path = try arguments.text(0)
  let expected = try arguments.size(1)
  return {
    var count = 0
    for element in try StateDict(path: path) {
      try element.tensor.forEachPiece { _, bytes in count += bytes.count }
    }
    guard count == expected else { throw Refusal("\(count) bytes are read, there are \(expected)") }
  }
}
