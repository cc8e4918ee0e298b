internal import TensorFerryOperators
internal import TensorFerryTensors

/// Takes the members of a configuration out of a JSON object and keeps every problem.
struct ConfigurationReader {
  private let json: JSONValue
  private var problems: [ModelError.Problem] = []
  private var taken: Set<String> = []

  init(_ json: JSONValue) { self.json = json }

  /// A whole number that is at least 1.
  mutating func size(_ key: String) -> Int {
    taken.insert(key)
    if let size = json[key]?.int, size >= 1 { return size }
    report(key, "must be a whole number of at least 1, it is \(json[key]?.text() ?? "missing")")
    return 1
  }

  /// A truth value.
  mutating func flag(_ key: String) -> Bool {
    taken.insert(key)
    if let flag = json[key]?.bool { return flag }
    report(key, "must be true or false, it is \(json[key]?.text() ?? "missing")")
    return false
  }

  /// - Throws: ``ModelError`` with code `.invalidConfiguration` if a member was missing or wrong, or is left over.
  mutating func finish() throws {
    for member in json.members ?? [] where !taken.contains(member.key) { report(member.key, "is not known") }
    guard problems.isEmpty else { throw ModelError(problems) }
  }

  private mutating func report(_ key: String, _ reason: String) {
    problems.append(
      .init(code: .invalidConfiguration, name: key, reason: "configuration: '\(key.escapedForDisplay)' \(reason)"))
  }
}
