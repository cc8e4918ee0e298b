/// What the system is asked to do with ranges of files; tests take some of it away.
package struct CopyMethods: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// Both files have the bytes in one place of the disk.
  package static let share = CopyMethods(rawValue: 1)
  /// The kernel copies.
  package static let copy = CopyMethods(rawValue: 2)
  package static let all: CopyMethods = [.share, .copy]
}
