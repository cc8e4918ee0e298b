internal import TensorFerryTensors

/// What a model says of its layers: their classes, names and options. It is data; nothing in it is carried out.
struct KerasConfiguration {
  /// An object in the configuration.
  struct Node {
    /// The class in snake case.
    let kind: String
    let name: String?
    /// The arguments of the class.
    let options: JSONValue
    /// By the path below the object in a file of weights: `layer`, `layers/dense_1`.
    let children: [String: Node]
  }

  let root: Node?
  /// The layers whose configuration holds Python code, in order.
  private(set) var functions: [String] = []

  init(_ value: JSONValue) {
    root = Self.node(value)
    collect(value, owner: "model_config")
  }

  /// Metadata with the texts that hold JSON as values.
  static func decoded(_ members: [JSONValue.Member]) throws -> [JSONValue.Member] {
    try members.map { member in
      guard ["model_config", "training_config"].contains(member.key), let text = member.value.string else {
        return member
      }
      return .init(member.key, try value(of: text, named: member.key))
    }
  }

  /// - Throws: ``WeightFileError`` with code `.malformed`.
  static func value(of text: String, named name: String) throws -> JSONValue {
    do {
      return try JSONValue(parsingPython: text)
    } catch let error as TensorError {
      throw WeightFileError(
        .malformed, "'\(name)' is not JSON: \(error.reason)", place: .member(name), underlying: error)
    }
  }

  private static func node(_ value: JSONValue) -> Node? {
    guard let name = value["class_name"]?.string, let options = value["config"], options.members != nil else {
      return nil
    }
    var children: [String: Node] = [:]
    for member in options.members ?? [] {
      if let child = node(member.value) { children[member.key] = child }
      var counts: [String: Int] = [:]
      for element in member.value.array ?? [] {
        guard let child = node(element) else { continue }
        let count = counts[child.kind, default: 0]
        counts[child.kind] = count + 1
        children["\(member.key)/\(child.kind)\(count == 0 ? "" : "_\(count)")"] = child
      }
    }
    return Node(kind: snakeCase(name), name: options["name"]?.string, options: options, children: children)
  }

  private mutating func collect(_ value: JSONValue, owner: String) {
    switch value {
    case .array(let values):
      for value in values { collect(value, owner: owner) }
    case .object(let members):
      let owner = value["config"]?["name"]?.string ?? owner
      if let name = value["class_name"]?.string, name == "Lambda" || name == "__lambda__", functions.last != owner {
        functions.append(owner)
      }
      for member in members { collect(member.value, owner: owner) }
    default: break
    }
  }

  /// As Keras makes names of classes: `multi_head_attention` of `MultiHeadAttention`, `conv2d` of `Conv2D`.
  private static func snakeCase(_ name: String) -> String {
    let letters = Array(
      name.unicodeScalars.filter { $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType != nil })
    func isLower(_ index: Int) -> Bool { index < letters.count && ("a"..."z").contains(letters[index]) }
    var result = String.UnicodeScalarView()
    for (index, letter) in letters.enumerated() {
      if index > 0, ("A"..."Z").contains(letter), isLower(index - 1) || isLower(index + 1) { result.append("_") }
      result.append(letter)
    }
    return String(result).lowercased()
  }
}
