internal import ArgumentParser
internal import TensorFerry

/// Files that a verdict is written to, beside what is printed.
struct ReportOptions: ParsableArguments {
  @Option(help: "Also write the report to this file, as a page that needs neither network nor script.")
  var html: String?

  @Option(help: "Also write the report to this file, as JUnit XML for continuous integration.")
  var junit: String?

  @Flag(help: "Replace the files of --html and --junit if they exist.")
  var force = false

  func validate() throws {
    if let html, html == junit { throw ValidationError("--html and --junit name the same file: \(html)") }
  }

  /// Finds out before the work whether the files may be written.
  func checkPaths() throws {
    let paths = [html, junit].compactMap { $0 }
    for path in paths { try TextFile.check(path, replacing: force) }
    // One of them stands for both if they lie in one folder, as they do.
    if let first = paths.first { Leftovers.tell(beside: first) }
  }

  func write(_ report: ParityReport) throws {
    if let html { try TextFile.write(report.html, to: html, replacing: force) }
    if let junit { try TextFile.write(report.junit, to: junit, replacing: force) }
  }
}
