internal import ArgumentParser
internal import TensorFerry

struct JSONOptions: ParsableArguments {
  @Flag(help: "Print one JSON object, which opens with its schema, instead of text.")
  var json = false

  /// Prints the answer in the form that was asked for.
  func print(_ answer: @autoclosure () -> JSONValue, text: @autoclosure () -> String) {
    Swift.print(json ? answer().text(pretty: true) : text())
  }

  /// Runs `body`; if it fails and JSON was asked for, the error is printed as JSON too, before it goes on.
  func reporting(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error where json && !(error is ExitCode || error is Interruption) {
      Swift.print(Self.answer(for: error).text(pretty: true))
      throw error
    }
  }

  private static func answer(for error: any Error) -> JSONValue {
    let located = error as? any LocatedError
    return [
      "schema": "tensorferry.error/1",
      "code": JSONValue(code(of: error)),
      "message": .string(located?.reason ?? "\(error)"),
      "file": JSONValue(located?.file),
      "format": JSONValue(located?.format),
      "tensor": JSONValue(located?.tensor),
      "place": JSONValue(located?.place?.description),
      "problems": .array(problems(of: error)),
    ]
  }

  /// What a program switches on, for errors of files and tensors.
  private static func code(of error: any Error) -> String? {
    (error as? WeightFileError)?.code.rawValue ?? (error as? TensorError)?.code.rawValue
      ?? (error as? ParityError)?.code.rawValue
  }

  private static func problems(of error: any Error) -> [JSONValue] {
    if let error = error as? ModelError {
      return error.problems.map {
        [
          "code": .string($0.code.rawValue), "parameter": .string($0.name), "source": nil, "reason": .string($0.reason),
          "suggestion": nil,
        ]
      }
    }
    return (error as? MappingError)?.problems.map(\.json) ?? []
  }
}
