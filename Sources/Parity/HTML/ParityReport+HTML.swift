extension ParityReport {
  /// The report as one page of HTML that needs nothing else: no script, no network, pictures as inline SVG with a table
  /// beside each. The same report gives the same text.
  ///
  /// What is drawn of single values is there if ``ReferenceBundle/verify(_:computed:provingIdentity:drawing:)`` was asked
  /// to collect it; a section without its values says so.
  public var html: String { HTMLPage(self).source }
}
