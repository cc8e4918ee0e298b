extension StageVerifier {
  /// From now on every certificate collects what is needed to draw its differences.
  mutating func collectFigures() {
    for stage in reports.indices {
      for kind in Certificate.Kind.allCases { reports[stage][kind].figures = DifferenceFigures() }
    }
  }
}
