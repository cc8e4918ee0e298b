internal import ArgumentParser

/// A number of bytes on the command line, in decimal units as Hugging Face counts them: `5GB` is 5,000,000,000.
struct ByteSize: ExpressibleByArgument {
  let count: Int

  init?(argument: String) {
    let text = argument.uppercased()
    let units: [(String, Int)] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000), ("", 1)]
    guard let (unit, scale) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Int(text.dropLast(unit.count)), number > 0
    else { return nil }
    let (count, overflow) = number.multipliedReportingOverflow(by: scale)
    guard !overflow else { return nil }
    self.count = count
  }
}
