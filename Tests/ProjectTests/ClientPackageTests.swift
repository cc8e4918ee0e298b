import Foundation
import TensorFerryTestSupport
import Testing

/// A package of somebody else that depends on ours, built and run.
@Suite(.serialized) struct ClientPackageTests {
  /// It has targets of its own with the names of our folders, and runs the Swift code of the README.
  @Test("a client with targets named Models, HDF5 and CZlib builds, and the README's Swift code runs in it")
  func client() throws {
    let directory = Project.root.appending(path: ".build/client-package")
    try? FileManager.default.removeItem(at: directory.appending(path: "Sources"))
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    func write(_ path: String, _ text: String) throws {
      let url = directory.appending(path: path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      if (try? String(contentsOf: url, encoding: .utf8)) != text { try Data(text.utf8).write(to: url) }
    }
    try write(
      "Package.swift",
      """
      // swift-tools-version: 6.2
      import PackageDescription
      let ferry = "\(Project.root.lastPathComponent)"
      let package = Package(
        name: "Client", platforms: [.macOS(.v13)], dependencies: [.package(name: ferry, path: "\(Project.root.path)")],
        targets: [
          .target(name: "CZlib"), .target(name: "HDF5"), .target(name: "Models", dependencies: ["HDF5"]),
          .executableTarget(
            name: "Client",
            dependencies: [
              "Models", "HDF5", "CZlib", .product(name: "TensorFerry", package: ferry),
              .product(name: "TensorFerryHDF5", package: ferry),
            ]),
        ])
      """)
    try write("Sources/CZlib/zlib.c", "int client_zlib(void) { return 3; }\n")
    try write("Sources/CZlib/include/CZlib.h", "int client_zlib(void);\n")
    try write("Sources/HDF5/HDF5.swift", "public let hdf5 = 1\n")
    try write("Sources/Models/Models.swift", "import HDF5\npublic let models = hdf5 + 1\n")
    let swift = try CodeBlock.all(in: "README.md").filter { $0.language == "swift" && !$0.text.contains(".package(") }
    #expect(!swift.isEmpty)
    let imports = Set(swift.flatMap { $0.text.split(separator: "\n").filter { $0.hasPrefix("import ") } })
    let bodies = swift.map { block in
      let body = block.text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("import ") }
      return "do {\n" + body.joined(separator: "\n") + "\n}"
    }
    try write(
      "Sources/Client/main.swift",
      (imports.sorted() + ["import CZlib", "import HDF5", "import Models", "import TensorFerryHDF5"]).joined(
        separator: "\n")
        + "\n\n" + bodies.joined(separator: "\n\n") + "\n\nprint(\"client\", hdf5, models, client_zlib())\n")
    let built = try run(
      URL(filePath: "/usr/bin/env"),
      [
        "swift", "build", "--package-path", directory.path, "--scratch-path",
        Project.root.appending(path: ".build/client").path,
      ])
    #expect(built.status == 0, "\(built.output)\n\(built.errors)")
    guard built.status == 0 else { return }
    let ran = try run(Project.root.appending(path: ".build/client/debug/Client"), [], in: Project.root)
    #expect(ran.status == 0, "\(ran.output)\n\(ran.errors)")
    #expect(ran.output.hasSuffix("client 1 2 3\n"))
    #expect(ran.output.contains("EXPLAINED") || ran.output.contains("IDENTICAL"), "\(ran.output)")
  }
}
