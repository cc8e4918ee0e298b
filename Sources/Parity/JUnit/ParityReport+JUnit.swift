extension ParityReport {
  /// The report as JUnit XML, for continuous integration: a test suite for the reference, a test case for each stage and
  /// certificate, and for what else was asked for. The same report gives the same text.
  ///
  /// A certificate that is refuted is a failure of type `MismatchProven`, one that decides nothing is an error of type
  /// `Undecided`. Nothing is skipped: a stage that lacks its values is an error where parity needs them. The utilisations
  /// are properties of the suite.
  public var junit: String { JUnitReport(self).source }
}
