internal import TensorFerryOperators
public import TensorFerryTensors

/// Takes the members of a configuration out of a JSON object and keeps every problem, for the initializer of a
/// ``ModelConfiguration``.
///
/// A member that is missing or wrong gives a value that can be stored, so that all are read before ``finish()`` throws.
public struct ConfigurationReader {
  private let json: JSONValue
  private var problems: [ModelError.Problem] = []
  private var taken: Set<String> = []

  public init(_ json: JSONValue) { self.json = json }

  /// A whole number that is at least 1, and at most `limit`.
  public mutating func size(_ key: String, limit: Int = .max) -> Int {
    taken.insert(key)
    if let size = json[key]?.int, size >= 1, size <= limit { return size }
    let most = limit == .max ? "" : " and at most \(limit)"
    report(key, "must be a whole number of at least 1\(most), it is \(json[key]?.text() ?? "missing")")
    return 1
  }

  /// A finite number that is at least 0.
  public mutating func number(_ key: String) -> Double {
    taken.insert(key)
    if let number = json[key]?.double, number.isFinite, number >= 0 { return number }
    report(key, "must be a number of at least 0, it is \(json[key]?.text() ?? "missing")")
    return 0
  }

  /// One of some names.
  public mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String, _ fallback: Choice)
    -> Choice
  {
    taken.insert(key)
    if let choice = json[key]?.string.flatMap(Choice.init(rawValue:)) { return choice }
    let names = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
    report(key, "must be \(names), it is \(json[key]?.text() ?? "missing")")
    return fallback
  }

  /// Notes that two members do not go together.
  public mutating func demand(_ isMet: Bool, _ key: String, _ reason: @autoclosure () -> String) {
    if !isMet { report(key, reason()) }
  }

  /// A truth value.
  public mutating func flag(_ key: String) -> Bool {
    taken.insert(key)
    if let flag = json[key]?.bool { return flag }
    report(key, "must be true or false, it is \(json[key]?.text() ?? "missing")")
    return false
  }

  /// - Throws: ``ModelError`` with code `.invalidConfiguration` if a member was missing or wrong, or is left over.
  public mutating func finish() throws {
    for member in json.members ?? [] where !taken.contains(member.key) { report(member.key, "is not known") }
    guard problems.isEmpty else { throw ModelError(problems) }
  }

  private mutating func report(_ key: String, _ reason: String) {
    problems.append(
      .init(code: .invalidConfiguration, name: key, reason: "configuration: '\(key.escapedForDisplay)' \(reason)"))
  }
}
