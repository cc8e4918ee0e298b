public import Foundation

/// Where the parts of this checkout are, found from this source file.
public enum Project {
  /// The folder that holds Package.swift.
  public static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// A file below Fixtures/.
  public static func fixture(_ path: String) -> URL { root.appending(path: "Fixtures").appending(path: path) }

  /// The Python interpreter with torch, h5py and the other packages of Tests/requirements.txt, which `make test`
  /// installs into the build folder; `TENSORFERRY_PYTHON` overrides it.
  public static var python: URL {
    URL(
      filePath: ProcessInfo.processInfo.environment["TENSORFERRY_PYTHON"]
        ?? root.appending(path: ".build/python/bin/python3").path())
  }
}

extension Project {
  /// The command `tensorferry` that was built together with the tests, in the folder that holds the test bundle.
  public static var command: URL {
    #if os(macOS)
      let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? .main
      return bundle.bundleURL.deletingLastPathComponent().appending(path: "tensorferry")
    #else
      return Bundle.main.bundleURL.appending(path: "tensorferry")
    #endif
  }
}
