import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A package of somebody else that depends on ours, built and run.
///
/// It has targets of its own with the names of our folders, and a program for each page with Swift code.
@Suite(.serialized) struct ClientPackageTests {
  /// A page, and the program that its Swift blocks are.
  struct Page: Sendable, CustomTestStringConvertible {
    let program: String
    let path: String

    var testDescription: String { path }

    static let all = [
      Page(program: "Readme", path: "README.md"),
      Page(program: "AddAModel", path: "docs/how-to/add-a-model.md"),
      Page(
        program: "OwnTypes", path: "Sources/TensorFerry/TensorFerry.docc/LoadingIntoYourOwnTypes.md"),
    ]

    var blocks: [CodeBlock] { get throws { try CodeBlock.all(in: path) } }

    /// Its source files: a block is the file that its first line names, or else a part of `main.swift`.
    var sources: [String: String] {
      get throws {
        let swift = try blocks.filter { $0.language == "swift" && !$0.text.contains(".package(") }
        #expect(!swift.isEmpty)
        return Dictionary(swift.map { ($0.fileName ?? "main.swift", $0.text + "\n") }) { $0 + "\n" + $1 }
      }
    }
  }

  /// Built once: it takes minutes.
  private static let built = Result { try build() }
  private static let programs = Project.root.appending(path: ".build/client/debug")

  /// BLAS as the package of the benchmark has it.
  #if os(macOS)
    private static let blas =
      ".target(name: \"CBenchmarkBLAS\", path: \"Sources/CBLAS/Accelerate\", "
      + "linkerSettings: [.linkedFramework(\"Accelerate\")])"
  #else
    private static let blas =
      ".systemLibrary(name: \"CBenchmarkBLAS\", path: \"Sources/CBLAS/OpenBLAS\", pkgConfig: \"openblas\")"
  #endif

  private static func build() throws -> Completed {
    let directory = Project.root.appending(path: ".build/client-package")
    try? FileManager.default.removeItem(at: directory.appending(path: "Sources"))
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    func write(_ path: String, _ text: String) throws {
      let url = directory.appending(path: path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      if (try? String(contentsOf: url, encoding: .utf8)) != text { try Data(text.utf8).write(to: url) }
    }
    let pages = Page.all.map {
      "    .executableTarget(name: \"\($0.program)\", dependencies: [.product(name: \"TensorFerry\", package: ferry)]),"
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
          .target(name: "CReading"), \(blas),
          .executableTarget(
            name: "Worker",
            dependencies: ["CReading", "CBenchmarkBLAS", .product(name: "TensorFerry", package: ferry)]),
      \(pages.joined(separator: "\n"))
        ])
      """)
    try write("Sources/CZlib/zlib.c", "int client_zlib(void) { return 3; }\n")
    try write("Sources/CZlib/include/CZlib.h", "int client_zlib(void);\n")
    try write("Sources/HDF5/HDF5.swift", "public let hdf5 = 1\n")
    try write("Sources/Models/Models.swift", "import HDF5\npublic let models = hdf5 + 1\n")
    try write(
      "Sources/Client/main.swift",
      """
      import CZlib
      import HDF5
      import Models
      import TensorFerry
      import TensorFerryHDF5

      print("client", hdf5, models, client_zlib(), ModelRegistry.all.isEmpty)

      """)
    for page in Page.all {
      for (name, text) in try page.sources { try write("Sources/\(page.program)/\(name)", text) }
    }
    // The program of the benchmark, which is a client, too.
    for name in ["Worker", "CReading", "CBLAS"] {
      try FileManager.default.copyItem(
        at: Project.root.appending(path: "Benchmarks/Sources/\(name)"), to: directory.appending(path: "Sources/\(name)")
      )
    }
    let scratch = Project.root.appending(path: ".build/client")
    // SwiftPM keeps its plan, which does not see that a package beside it has a new folder.
    try? FileManager.default.removeItem(at: scratch.appending(path: "debug.yaml"))
    return try run(
      URL(filePath: "/usr/bin/env"),
      ["swift", "build", "--package-path", directory.path, "--scratch-path", scratch.path])
  }

  /// True if the package was built; what the compiler said is an issue otherwise, and so is a warning about a page.
  private func isBuilt() throws -> Bool {
    let built = try Self.built.get()
    #expect(built.status == 0, "\(built.output)\n\(built.errors)")
    for page in Page.all { #expect(!built.output.contains("Sources/\(page.program)/"), "\(built.output)") }
    return built.status == 0
  }

  @Test("a client with targets named Models, HDF5 and CZlib builds and runs")
  func names() throws {
    guard try isBuilt() else { return }
    let ran = try run(Self.programs.appending(path: "Client"), [])
    #expect(ran.status == 0 && ran.output == "client 1 2 3 false\n", "\(ran.output)\n\(ran.errors)")
  }

  /// In the client's build folder, where what does not depend on the trait is compiled already.
  @Test("without the trait LibHDF5 the command has no libhdf5, reads HDF5 as with it, and says why it cannot write it")
  func withoutLibrary() throws {
    guard try isBuilt() else { return }
    let built = try run(
      URL(filePath: "/usr/bin/env"),
      [
        "swift", "build", "--package-path", Project.root.path, "--scratch-path",
        Project.root.appending(path: ".build/client").path, "--disable-default-traits", "--product", "tensorferry",
      ])
    #expect(built.status == 0, "\(built.output)\n\(built.errors)")
    guard built.status == 0 else { return }
    let command = Self.programs.appending(path: "tensorferry")
    #if os(Linux)
      let linked = try run(URL(filePath: "/usr/bin/env"), ["ldd", command.path])
      #expect(linked.output.contains("libz.") && !linked.output.contains("libhdf5"), "\(linked.output)")
    #endif
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      try python(
        """
        import sys, h5py, numpy
        with h5py.File(sys.argv[1], "w", libver="latest") as file:
            file["layers/0.weight"] = numpy.arange(35, dtype="f4").reshape(5, 7)
            file.create_dataset("bias", data=numpy.arange(6000, dtype="f8"), chunks=(1000,), compression="gzip", shuffle=True)
        """, [path("x.h5")])
      for (program, output) in [(Project.command, "with.safetensors"), (command, "without.safetensors")] {
        let converted = try run(program, ["convert", path("x.h5"), path(output)])
        #expect(converted.status == 0, "\(converted.errors)")
      }
      #expect(FileManager.default.contentsEqual(atPath: path("with.safetensors"), andPath: path("without.safetensors")))
      let refused = try run(command, ["convert", path("with.safetensors"), path("y.h5")])
      #expect(
        refused.status == 2 && refused.errors.contains("has no libhdf5, by which it is written"), "\(refused.errors)")
      let library = try run(command, ["inspect", "--reader", "libhdf5", path("x.h5")])
      #expect(library.status == 2 && library.errors.contains("reads HDF5 without libhdf5"), "\(library.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 3)
    }
  }

  /// Runs the benchmark's rows that match a pattern, once; `tool` and `worker` may be other programs.
  private func benchmark(_ pattern: String, worker: URL, in folder: URL) throws -> Completed {
    try run(
      Project.python,
      [
        Project.root.appending(path: "Benchmarks/bench.py").path, "--quick", "--turns", "1", "--seconds", "0.001",
        "--tool", Project.command.path, "--worker", worker.path, "--docs", folder.path, "--only", pattern,
      ], environment: ["PYTHONDONTWRITEBYTECODE": "1"])
  }

  @Test("the benchmark measures a kernel, a command and a growth, and writes all three into the page")
  func benchmark() throws {
    guard try isBuilt() else { return }
    try withTemporaryDirectory { folder in
      let ran = try benchmark(
        "^pooling pass: 1x49x.*, 1 thread$|^conversion of small.*safetensors to pytorch|^growth: folded.*batch 8",
        worker: Self.programs.appending(path: "Worker"), in: folder)
      #expect(ran.status == 0, "\(ran.output)\n\(ran.errors)")
      let json = try JSONValue(parsing: Array(Data(contentsOf: folder.appending(path: "benchmarks.json"))))
      let rows = json["rows"]?.array ?? []
      #expect(rows.map { $0["group"]?.string } == ["pooling pass", "conversion of small tensors", "growth"])
      for row in rows.prefix(2) { #expect((row["value"]?.double ?? 0) > 0 && row["reached"]?.bool != nil) }
      #expect(rows.last?["exponent"]?.double?.isFinite == true)
      let page = try String(contentsOf: folder.appending(path: "benchmarks.md"), encoding: .utf8)
      for row in rows { #expect(page.contains(row["name"]?.string ?? "-")) }
    }
  }

  @Test("a row that cannot run is an error in the page, and the benchmark ends with status 1")
  func failingRow() throws {
    try withTemporaryDirectory { folder in
      let ran = try benchmark("^pooling pass: 1x49x.*, 1 thread$", worker: folder.appending(path: "none"), in: folder)
      #expect(ran.status == 1)
      #expect(ran.output.contains("ERROR"))
      let page = try String(contentsOf: folder.appending(path: "benchmarks.md"), encoding: .utf8)
      #expect(page.contains("**failed**"))
    }
  }

  /// Runs a page's Python code and then its program, in a folder of its own.
  private func reading(_ page: Page, _ body: (Completed, URL) throws -> Void) throws {
    guard try isBuilt() else { return }
    try withTemporaryDirectory { directory in
      let blocks = try page.blocks
      var reader = try PageReader(of: blocks, in: directory)
      for block in blocks where block.language == "python" { try reader.types(block) }
      let ran = try run(Self.programs.appending(path: page.program), [], in: directory)
      #expect(ran.status == 0, "\(ran.output)\n\(ran.errors)")
      try body(ran, directory)
    }
  }

  @Test("the Swift code of the README runs and comes to parity")
  func readme() throws {
    try reading(Page.all[0]) { ran, _ in
      #expect(ran.output.contains("TYPICAL") || ran.output.contains("IDENTICAL"), "\(ran.output)")
    }
  }

  @Test("the Swift code of a page prints what the page says that it prints", arguments: Page.all.dropFirst())
  func output(page: Page) throws {
    let told = try page.blocks.filter { $0.language == "text" }
    #expect(told.count == 1)
    try reading(page) { ran, _ in #expect(ran.output == told.map { $0.text + "\n" }.joined()) }
  }

  @Test("the model of the how-to computes what torch computes")
  func values() throws {
    try reading(Page.all[1]) { _, directory in
      let far = try python(
        """
        import sys, numpy, safetensors.numpy
        ours = safetensors.numpy.load_file(sys.argv[1] + "/results.safetensors")["y"]
        theirs = numpy.load(sys.argv[1] + "/samples.npz")["y"]
        assert ours.shape == theirs.shape == (5, 4) and ours.dtype == theirs.dtype == numpy.float32
        assert numpy.abs(theirs).max() > 0.1
        print(numpy.abs(ours - theirs).max() < 1e-6)
        """, [directory.path])
      #expect(far == "True\n")
    }
  }
}
