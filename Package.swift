// swift-tools-version: 6.2
import PackageDescription

// Target names carry the prefix "TensorFerry" because SwiftPM wants them unique in the whole graph of a client;
// the folder below Sources/ or Tests/ has the short name.

// `make lint` and `make test` set this; a client, or a newer compiler with a new warning, is not stopped by it.
let warnings: [SwiftSetting] =
  Context.environment["TENSORFERRY_WARNINGS_ARE_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]

let settings: [SwiftSetting] =
  warnings + [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ]

func library(_ folder: String, _ dependencies: [Target.Dependency] = [], _ more: [SwiftSetting] = []) -> Target {
  .target(
    name: "TensorFerry\(folder)", dependencies: dependencies, path: "Sources/\(folder)", swiftSettings: settings + more)
}

// Tests are compiled without optimisation, in less than half of the time; what they call is optimised. Clients never see
// the flag.
let unoptimised: [SwiftSetting] =
  Context.environment["TENSORFERRY_WARNINGS_ARE_ERRORS"] == nil ? [] : [.unsafeFlags(["-Onone"])]

func tests(_ folder: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "TensorFerry\(folder)Tests", dependencies: ["TensorFerryTestSupport"] + dependencies,
    path: "Tests/\(folder)Tests", swiftSettings: settings + unoptimised)
}

#if os(macOS) || os(iOS)
  let blas: Target = .target(
    name: "CTensorFerryBLAS", path: "Sources/CBLAS/Accelerate",
    linkerSettings: [.linkedFramework("Accelerate")])
#else
  let blas: Target = .systemLibrary(
    name: "CTensorFerryBLAS", path: "Sources/CBLAS/OpenBLAS", pkgConfig: "openblas",
    providers: [.apt(["libopenblas-dev"])])
#endif

let package = Package(
  name: "TensorFerry",
  platforms: [.macOS(.v13)],
  products: [
    .library(name: "TensorFerry", targets: ["TensorFerry"]),
    .library(name: "TensorFerryHDF5", targets: ["TensorFerryHDF5"]),
    .executable(name: "tensorferry", targets: ["TensorFerryCLI"]),
  ],
  traits: [
    .default(enabledTraits: ["LibHDF5"]),
    .trait(name: "LibHDF5", description: "Write HDF5, by means of libhdf5, and let it describe trusted files."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
  ],
  targets: [
    // C
    .systemLibrary(
      name: "CTensorFerryHDF5", path: "Sources/CHDF5", pkgConfig: "hdf5",
      providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
    .systemLibrary(
      name: "CTensorFerryZlib", path: "Sources/CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    // Homebrew's liblzf has no file for pkg-config; the Makefile writes one.
    .systemLibrary(
      name: "CTensorFerryLZF", path: "Sources/CLZF", pkgConfig: "liblzf",
      providers: [.apt(["liblzf-dev"]), .brew(["liblzf"])]),
    blas,
    .target(name: "CTensorFerryKernels", path: "Sources/CKernels"),
    .target(name: "CTensorFerryFiles", path: "Sources/CFiles"),

    // Files
    library("Threads"),
    library("Zlib", ["CTensorFerryZlib"]),
    library("LZF", ["CTensorFerryLZF"]),
    library(
      "HDF5Reading", ["CTensorFerryKernels", "TensorFerryThreads", "TensorFerryZlib", "TensorFerryLZF"],
      [.strictMemorySafety()]),
    library("HDF5", ["CTensorFerryHDF5", "TensorFerryHDF5Reading"], [.strictMemorySafety()]),
    library(
      "Tensors",
      ["CTensorFerryKernels", "TensorFerryThreads", .product(name: "OrderedCollections", package: "swift-collections")]),
    library(
      "Formats",
      [
        "TensorFerryTensors", "TensorFerryHDF5Reading", "TensorFerryThreads",
        .target(name: "TensorFerryHDF5", condition: .when(traits: ["LibHDF5"])), "TensorFerryZlib", "CTensorFerryFiles",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),

    // Models
    library("Operators", ["TensorFerryTensors", "CTensorFerryBLAS", "CTensorFerryKernels"]),
    library("Mapping", ["TensorFerryTensors", .product(name: "Yams", package: "Yams")]),
    library("Models", ["TensorFerryTensors", "TensorFerryMapping", "TensorFerryOperators"]),
    library("Parity", ["TensorFerryTensors", "TensorFerryFormats", "TensorFerryOperators", "CTensorFerryBLAS"]),

    // Products
    .target(
      name: "TensorFerry",
      dependencies: [
        "TensorFerryTensors", "TensorFerryFormats", "TensorFerryMapping", "TensorFerryOperators",
        "TensorFerryModels", "TensorFerryParity",
      ],
      path: "Sources/TensorFerry", swiftSettings: settings),
    .executableTarget(
      name: "TensorFerryCLI",
      // What the umbrella re-exports is named too, so that an incremental build sees it change.
      dependencies: [
        "TensorFerry", "TensorFerryTensors", "TensorFerryFormats", "TensorFerryMapping", "TensorFerryOperators",
        "TensorFerryModels", "TensorFerryParity",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/CLI", swiftSettings: settings),

    // Tests
    .target(
      name: "TensorFerryTestSupport", dependencies: ["TensorFerryTensors", "TensorFerryHDF5Reading"],
      path: "Tests/TestSupport",
      swiftSettings: settings),
    tests("Threads", ["TensorFerryThreads"]),
    tests("Zlib", ["TensorFerryZlib"]),
    tests("LZF", ["TensorFerryLZF"]),
    tests("HDF5Reading", ["TensorFerryHDF5Reading", "TensorFerryHDF5"]),
    tests("HDF5", ["TensorFerryHDF5", "TensorFerryHDF5Reading", "CTensorFerryHDF5"]),
    tests("Tensors", ["TensorFerryTensors", "CTensorFerryKernels"]),
    tests("Formats", ["TensorFerryFormats", "TensorFerryTensors", "TensorFerryHDF5Reading", "TensorFerryHDF5"]),
    tests("Operators", ["TensorFerryOperators", "TensorFerryTensors", "CTensorFerryKernels"]),
    tests("Mapping", ["TensorFerryMapping", "TensorFerryTensors"]),
    tests(
      "Models",
      ["TensorFerryModels", "TensorFerryMapping", "TensorFerryOperators", "TensorFerryTensors", "TensorFerryFormats"]),
    tests(
      "Parity",
      ["TensorFerryParity", "TensorFerryModels", "TensorFerryOperators", "TensorFerryTensors", "TensorFerryFormats"]),
    tests("CLI", ["TensorFerry", "TensorFerryCLI"]),
    tests("Project", ["TensorFerryCLI", "TensorFerryMapping", "TensorFerryTensors"]),
  ],
  swiftLanguageModes: [.v6]
)

// `make sanitize` sets this. What has C code, parses HDF5 or runs in threads, with its tests, needs no package whose C code
// takes minutes to build with each sanitizer.
if Context.environment["TENSORFERRY_SANITIZED"] != nil {
  let parts = ["Threads", "Zlib", "LZF", "HDF5Reading", "HDF5", "Tensors", "Operators"]
  let sanitized = parts.map { "TensorFerry\($0)" } + parts.map { "TensorFerry\($0)Tests" } + ["TensorFerryTestSupport"]
  package.targets.removeAll { !$0.name.hasPrefix("CTensorFerry") && !sanitized.contains($0.name) }
  package.products = []
}

// `make fuzz` sets this: only libFuzzer can link the program.
if Context.environment["TENSORFERRY_FUZZING"] != nil {
  package.targets += [
    .systemLibrary(name: "CTensorFerryFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .executableTarget(
      name: "TensorFerryFuzz",
      dependencies: [
        "CTensorFerryFuzzer", "TensorFerryTestSupport", "TensorFerryTensors", "TensorFerryFormats",
        "TensorFerryMapping",
        "TensorFerryZlib",
      ],
      path: "Tests/Fuzz/Program", swiftSettings: settings),
  ]
}
