/// The stack, its marks, and the memo.
extension PickleMachine {
  func checkStack(_ count: Int, _ what: String = "values") throws {
    let limit = PyTorchLimits.stack(in: stored)
    guard count < limit else {
      throw error("the stack has more than \(limit) \(what), which is the limit", .unsupported)
    }
  }

  /// Counts values that a container or a call is about to hold.
  mutating func countValues(_ count: Int) throws {
    valueCount += count
    let limit = PyTorchLimits.values(in: stored)
    guard valueCount <= limit else {
      throw error("the objects hold more than \(limit) values, which is the limit", .unsupported)
    }
  }

  /// Counts the bytes of a text before it is put together.
  mutating func countMade(_ count: Int) throws {
    madeByteCount += count
    guard madeByteCount <= PyTorchLimits.madeByteCount else {
      throw error(
        "texts of more than \(PyTorchLimits.madeByteCount) bytes are put together, which is the limit", .unsupported)
    }
  }

  mutating func push(_ value: PickleValue) throws {
    try checkStack(stack.count)
    stack.append(value)
  }

  /// Makes an object and pushes it.
  mutating func push(_ kind: PickleObject.Kind, _ elements: [PickleValue]) throws {
    let limit = PyTorchLimits.objects(in: stored)
    guard objects.count < limit else {
      throw error("these are more than \(limit) objects, which is the limit", .unsupported)
    }
    try countValues(elements.count)
    objects.append(PickleObject(kind: kind, position: start, elements: elements))
    try push(.object(objects.count - 1))
  }

  /// The number of values above the last mark.
  private var available: Int { stack.count - (marks.last ?? 0) }

  func top() throws -> PickleValue {
    guard available > 0, let value = stack.last else { throw error("a value is needed, the stack is empty") }
    return value
  }

  mutating func pop() throws -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  /// The last `count` values, the deepest first.
  mutating func pop(_ count: Int) throws -> [PickleValue] {
    guard available >= count else {
      throw error("\(count) values are needed, the stack has \(available) above its last mark")
    }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  /// The values above the last mark, which is taken away too.
  mutating func popMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw error("a mark is needed, there is none") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  func index(of line: ArraySlice<UInt8>) throws -> Int {
    guard let index = Int(String(decoding: line, as: UTF8.self)), index >= 0 else {
      throw error("a place in the memo is no number")
    }
    return index
  }

  mutating func get(_ index: Int) throws {
    guard index < memo.count, let value = memo[index] else { throw error("nothing is in the memo at \(index)") }
    try push(value)
  }

  mutating func put(_ index: Int) throws {
    let limit = PyTorchLimits.stack(in: stored)
    guard index < limit else {
      throw error("the memo has a place \(index), the limit is \(limit)", .unsupported)
    }
    let value = try top()
    if index >= memo.count { memo += repeatElement(nil, count: index + 1 - memo.count) }
    memo[index] = value
  }
}
