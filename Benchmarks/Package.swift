// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nothing here reaches those who depend on TensorFerry. `make bench` builds it.

/// The folder of TensorFerry, by which SwiftPM knows a package that is named by its path.
let root = String(Context.packageDirectory.split(separator: "/").dropLast().last ?? "tensorferry")

#if os(macOS)
  let blas: Target = .target(
    name: "CBenchmarkBLAS", path: "Sources/CBLAS/Accelerate", linkerSettings: [.linkedFramework("Accelerate")])
#else
  let blas: Target = .systemLibrary(
    name: "CBenchmarkBLAS", path: "Sources/CBLAS/OpenBLAS", pkgConfig: "openblas",
    providers: [.apt(["libopenblas-dev"])])
#endif

let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v13)],
  dependencies: [.package(path: "..")],
  targets: [
    .target(name: "CReading"),
    blas,
    .executableTarget(
      name: "Worker",
      dependencies: ["CReading", "CBenchmarkBLAS", .product(name: "TensorFerry", package: root)],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
